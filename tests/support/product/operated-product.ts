import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect } from 'vitest'
import type { LedgerVerdict } from '../../../shared/application/ledger/ledger.ts'
import type { RedriveTask } from '../../../shared/ports/redrives.ts'
import { ORIGINAL_BODY } from '../orders/orders.ts'
import { createProduct, type Answer as ProductAnswer } from './product.ts'

export const FAILING_CUSTOMER = 13

export interface Answer extends Omit<ProductAnswer, 'body'> {
  readonly body: never
}

export interface Page<T> {
  readonly items: readonly T[]
  readonly nextCursor: string | null
}

interface Document {
  readonly paths: Record<string, Record<string, { responses: Record<string, { content?: object }> }>>
  readonly components: object
}

export async function until<T>(look: () => Promise<T>, isReached: (seen: T) => boolean): Promise<T> {
  for (;;) {
    const seen = await look()
    if (isReached(seen)) return seen
    await sleep(50)
  }
}

/** Operators' actions over HTTP. Every response is checked against the product's OpenAPI document. */
export function createOperatedProduct() {
  const directory = mkdtempSync(join(tmpdir(), 'operated-'))
  const settings = { LOG_LEVEL: 'fatal', FAULTS: 'on', RETRY_DELAYS: '100ms' }
  const product = createProduct(join(directory, 'data'), settings)
  const ajv = new Ajv2020({ strict: false, validateFormats: false, multipleOfPrecision: 6 })
  let document: Document = { paths: {}, components: {} }

  async function ask(method: string, path: string, body?: unknown): Promise<Answer> {
    const headers = { 'x-functions-key': product.key, 'x-operator': 'Kim' }
    const answer = await product.ask(path, { method, headers, body })
    const { status, text } = answer
    const type = answer.headers.get('content-type')?.split(';')[0] ?? ''
    const template = (path.split('?')[0] ?? '')
      .replace(/[\w-]+:\d+:\d+/, '{id}')
      .replace(/redrives\/[^/]+/, 'redrives/{id}')
      .replace(/orders\/[^/]+/, 'orders/{orderId}')
    const documented = document.paths[template]?.[method.toLowerCase()]?.responses[String(status)]
    const schema = (documented?.content as Record<string, { schema: object }> | undefined)?.[type]?.schema
    expect(schema, `${method} ${template} answers ${status} ${type}: ${text}`).toBeDefined()
    ajv.validate(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"document#/')) as object, JSON.parse(text))
    expect(ajv.errors, `${method} ${path} answers ${text}`).toBeNull()
    return { ...answer, body: answer.body as never }
  }

  /** Starts the product, and fetches its OpenAPI document, with which its responses are compared. */
  async function open(): Promise<void> {
    await product.start()
    document = (await product.ask('/api/openapi.json')).body as unknown as Document
    ajv.addSchema({ $id: 'document', components: document.components })
  }

  const taskOf = async (id: string) => (await ask('GET', `/api/redrives/${id}`)).body as RedriveTask
  const ended = (id: string) =>
    until(
      () => taskOf(id),
      ({ state }) => state !== 'running',
    )
  const orderOf = async (id: string) => {
    return (await ask('GET', `/api/orders/${id}`)).body as {
      status: string
      recovered?: boolean
      customerName?: string
    }
  }
  const kindsOf = async (id: string) => {
    const { items } = (await ask('GET', `/api/orders/${id}/history`)).body as Page<{ kind: string; reason?: string }>
    return items.map(({ kind }) => kind)
  }
  const letters = async (query: string) => {
    return ((await ask('GET', `/api/dead-letters?${query}`)).body as Page<{ id: string; state: string }>).items
  }
  const balanced = async () => {
    const seen = async () => (await ask('GET', '/api/ops/ledger')).body as LedgerVerdict
    return until(seen, ({ totals }) => totals.toCome === 0)
  }
  async function setFaults(plan: object): Promise<void> {
    await ask('POST', '/api/ops/faults', plan)
  }

  /** Places an order that fails on every attempt, and waits until it is dead-lettered. */
  async function placeAndLose(changes: object = {}): Promise<{ orderId: string; letterId: string }> {
    await setFaults({ throwForCustomers: [FAILING_CUSTOMER] })
    const order = { ...ORIGINAL_BODY, customerId: FAILING_CUSTOMER, ...changes }
    const { orderId } = (await ask('POST', '/api/orders', order)).body as { orderId: string }
    const [letter] = await until(
      () => letters(`orderId=${orderId}`),
      ({ length }) => length > 0,
    )
    return { orderId, letterId: letter?.id ?? '' }
  }

  /** Once all faults are off, the ledger must balance and have no gaps, whatever the operators did before. */
  async function close(): Promise<void> {
    try {
      await setFaults({})
      expect(await balanced()).toMatchObject({ balanced: true, gaps: [] })
    } finally {
      if (product.isRunning) await product.stop()
      rmSync(directory, { recursive: true })
    }
  }

  return {
    product,
    open,
    close,
    ask,
    taskOf,
    ended,
    orderOf,
    kindsOf,
    letters,
    balanced,
    setFaults,
    placeAndLose,
  }
}
