import { hash } from 'node:crypto'
import { UnreachableError, type OpsClient } from '../../../infra/ops/client.ts'
import { perform, type Command } from '../../../infra/ops/command.ts'
import type { ArchivedOrder } from '../../../shared/domain/archived-order.ts'
import type { OrderToArchive } from '../../../shared/ports/archive.ts'
import { orderCommand } from '../orders/orders.ts'

export const BEFORE = '2020-01-01'
export const idOf = (n: number) => `019e2b6c-40c8-7a91-9f3e-${String(n).padStart(12, '0')}`

export function documentOf(n: number): ArchivedOrder {
  return {
    orderId: idOf(n),
    acceptedAt: new Date(Date.UTC(2019, 0, 1 + n)).toISOString(),
    // Some line readers treat U+2028 as the end of a line.
    order: orderCommand({ shippingAddress: `${n}\u2028Line street\nTown` }),
    stored: {
      storedAt: '2019-02-01T00:00:00.000Z',
      origin: { topic: 'orders', partition: 0, offset: n },
      bodyHash: hash('sha256', `${n}`),
      idempotencyKeyHash: null,
      recovered: false,
      version: 1,
      cancelledAt: null,
      cancellationReason: null,
    },
    discarded: null,
    changes: [],
    history: [],
  }
}

/**
 * An instance with this many orders. If `failsAt` is n, the nth request to archive or restore orders fails with
 * `failure`.
 */
export function instance(
  orders: number,
  {
    failsAt = Infinity,
    failure = new UnreachableError('It does not answer.'),
  }: { failsAt?: number; failure?: Error } = {},
) {
  const held = new Map(Array.from({ length: orders }, (_, n) => [idOf(n), documentOf(n)]))
  const asked: string[] = []
  let left = failsAt

  function exported(query: URLSearchParams) {
    const after = query.get('cursor') ?? ''
    const limit = Number(query.get('limit'))
    const all = [...held.values()].filter(({ orderId }) => orderId > after)
    const items = all.slice(0, limit).map((order) => {
      return { orderId: order.orderId, hash: hash('sha256', JSON.stringify(order)), order }
    })
    return { items, nextCursor: all.length > limit ? items.at(-1)?.orderId : null }
  }

  const client: OpsClient = {
    target: 'http://instance.example',
    async request(method, path, body) {
      const url = new URL(path, 'http://instance.example')
      asked.push(`${method} ${url.pathname}`)
      if (method === 'GET') return exported(url.searchParams)
      left -= 1
      if (left === 0) throw failure
      if (url.pathname.endsWith('/restore')) {
        const sent = (body as { orders: ArchivedOrder[] }).orders
        const missing = sent.filter(({ orderId }) => !held.has(orderId))
        for (const order of missing) held.set(order.orderId, order)
        return { restored: missing.length, known: sent.length - missing.length }
      }
      const sent = (body as { orders: OrderToArchive[] }).orders
      return { archived: sent.filter(({ orderId }) => held.delete(orderId)).length, known: 0, changed: [] }
    },
    async [Symbol.asyncDispose]() {
      // Nothing was opened.
    },
  }
  return { client, held, asked, answersAgain: () => (left = Infinity) }
}

/** Runs a command with --json. `ended` is the error with which the command failed. */
export async function run(
  command: Command,
  { client }: Pick<ReturnType<typeof instance>, 'client'>,
  options: Record<string, string | boolean>,
  positionals: string[] = [],
) {
  const printed: string[] = []
  const context = { client, positionals, startedAt: 0, options, progress: () => undefined }
  const print = (text: string) => printed.push(text)
  let ended: unknown
  const exit = await perform(command, { ...context, json: true, print }).catch((error: unknown) => {
    if (printed.length === 0) throw error
    ended = error
    return undefined
  })
  return { exit, ended, answer: JSON.parse(printed.join('')) as Record<string, unknown> }
}
