import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { NewOrderCommand } from '../../../shared/domain/order-commands.ts'
import type { DeadLetterSummary } from '../../../shared/ports/dead-letters.ts'
import { ops, type OpsAnswer } from '../product/ops-cli.ts'
import { unlessCut, type Answer, type Product } from '../product/product.ts'
import type { Random } from '../random.ts'
import { expectForgotten } from './forgotten.ts'
import { CUSTOMERS, type Forgetting, type Shop } from './shop.ts'

/**
 * Exit codes: 0 done, 1 something is wrong, 3 not reached, 4 refused. A command with invalid arguments exits with 2.
 */
const EXITS = [0, 1, 3, 4]
const STATUSES = [200, 202, 404, 409, 410, 503]

type Outcome = 'done' | 'refused' | 'away'

export interface Operators {
  /** Performs one randomly chosen action. Resolves with false if the product or its store was unavailable. */
  act(random: Random): Promise<boolean>
  /** Archives every order that was accepted before this time. Retries if the refusal is only temporary. */
  archiveBefore(timeMs: number): Promise<void>
  /** Restores everything from the files. */
  restoreAll(): Promise<void>
  /** Forgets one more customer, and repeats every such request that may have failed. */
  completeForgetting(random: Random): Promise<void>
  /** How many actions of each kind succeeded. */
  done(): string
  /** The operators' last action, or attempt at one. */
  last(): string
}

/**
 * The operators of one installation. `now` is the product's clock, and `dayMs` is the length of a day by that clock.
 * `archive` is the directory that they archive to. No file in `dataDir` may contain the data of a forgotten customer.
 */
export function createOperators(dependencies: {
  host: () => Product
  shop: Shop
  now: () => number
  dayMs: number
  archive: string
  dataDir: string
}): Operators {
  const { host, shop, now, dayMs, archive, dataDir } = dependencies
  const done = new Map<string, number>()
  let last = 'nothing yet'

  const acts: Readonly<Record<string, (random: Random) => Promise<Outcome>>> = {
    'archived orders': (random) => told(archiveOnce(now() - random.whole(5, 30) * dayMs)),
    'restored an order': async (random) => {
      if (files().length === 0) return 'refused'
      return told(command('archive', 'restore', archive, '--order', random.pick([...shop.traffic.accepted.keys()])))
    },
    'restored a file': async (random) =>
      files().length === 0 ? 'refused' : told(command('archive', 'restore', join(archive, random.pick(files())))),
    'forgot a customer': (random) => forget(random.pick(CUSTOMERS)),
    'discarded a letter': (random) => toLetter(random, 'dead', 'discard'),
    'restored a letter': (random) => toLetter(random, 'discarded', 'restore'),
    'redrove a letter': (random) => toLetter(random, 'dead', 'redrive'),
    'redrove letters': () => told(post('/api/dead-letters/redrive', { code: 'internal', reason: 'Mended.' })),
    'edited a letter': edit,
    rebuilt: () => told(post('/api/ops/rebuild')),
  }

  async function told(asked: Promise<Answer | OpsAnswer | undefined>): Promise<Outcome> {
    const answer = await asked
    if (answer === undefined) return 'away'
    if ('exit' in answer) {
      expect(EXITS, answer.err).toContain(answer.exit)
      return answer.exit === 0 ? 'done' : answer.exit === 3 ? 'away' : 'refused'
    }
    expect(STATUSES, answer.text).toContain(answer.status)
    return answer.status < 300 ? 'done' : answer.status === 503 ? 'away' : 'refused'
  }

  const post = (path: string, body?: unknown) =>
    unlessCut(host().ask(path, { method: 'POST', body, headers: { 'x-functions-key': host().key } }))

  /**
   * Always asks the running instance, because this process would use the machine's clock if it opened the files itself.
   */
  const command = (...words: string[]) => ops([...words, '--json'], { OPS_URL: host().url, FUNCTIONS_KEY: host().key })

  const files = () => (existsSync(archive) ? readdirSync(archive).filter((name) => name.endsWith('.gz')) : [])

  const archiveOnce = (timeMs: number) =>
    command('archive', '--before', new Date(timeMs).toISOString(), '--to', archive)

  async function forget(customerId: number): Promise<Outcome> {
    const forgetting: Forgetting = { customerId, from: now(), to: Infinity, isDone: false }
    shop.forgettings.push(forgetting)
    const outcome = await told(command('forget', '--customer', String(customerId), '--reason', 'Asked for it.'))
    forgetting.to = now()
    forgetting.isDone = outcome === 'done'
    if (forgetting.isDone) expectForgotten(dataDir, shop, [forgetting])
    return outcome
  }

  async function letters(state: 'dead' | 'discarded'): Promise<readonly DeadLetterSummary[]> {
    const headers = { 'x-functions-key': host().key }
    const answer = await unlessCut(host().ask(`/api/dead-letters?limit=200&state=${state}`, { headers }))
    return (answer?.body['items'] ?? []) as DeadLetterSummary[]
  }

  async function toLetter(random: Random, state: 'dead' | 'discarded', act: string): Promise<Outcome> {
    const some = await letters(state)
    if (some.length === 0) return 'refused'
    return told(post(`/api/dead-letters/${random.pick(some).id}/${act}`, { reason: 'By chance.' }))
  }

  async function edit(random: Random): Promise<Outcome> {
    const some = (await letters('dead')).filter(
      ({ orderId, change }) => change === undefined && orderId !== null && shop.customerOf(orderId) !== undefined,
    )
    if (some.length === 0) return 'refused'
    const { id, orderId } = random.pick(some)
    const order = shop.traffic.sent.get(shop.traffic.accepted.get(orderId ?? '') ?? '') as NewOrderCommand
    return shop.readdress(random, 'edit', orderId ?? '', (shippingAddress) =>
      told(
        unlessCut(
          host().ask(`/api/dead-letters/${id}/payload`, {
            method: 'PUT',
            body: { ...order, shippingAddress },
            headers: { 'x-functions-key': host().key },
          }),
        ),
      ),
    )
  }

  /** Repeats a command that may be refused during a rebuild or in the seconds after it. */
  async function untilDone(attempt: () => Promise<OpsAnswer>): Promise<OpsAnswer> {
    for (;;) {
      const answer = await attempt()
      if (answer.exit !== 4) return answer
      await sleep(500)
    }
  }

  return {
    done: () => [...done].map(([name, times]) => `${times} × ${name}`).join(', '),
    last: () => last,
    async act(random) {
      const name = random.pick(Object.keys(acts))
      last = name
      const outcome = await acts[name]?.(random)
      if (outcome === 'done') done.set(name, (done.get(name) ?? 0) + 1)
      return outcome !== 'away'
    },
    async archiveBefore(timeMs) {
      const { exit, err } = await untilDone(() => archiveOnce(timeMs))
      expect([exit, err]).toEqual([0, ''])
    },
    async restoreAll() {
      const { exit, err, out } = await untilDone(() => command('archive', 'restore', archive))
      expect([exit, err], out).toEqual([0, ''])
    },
    async completeForgetting(random) {
      const isDone = new Map(shop.forgettings.map((forgetting) => [forgetting.customerId, forgetting.isDone]))
      isDone.set(random.pick(CUSTOMERS), false)
      for (const [customerId] of [...isDone].filter(([, is]) => !is)) {
        while ((await forget(customerId)) !== 'done') await sleep(500)
      }
    },
  }
}
