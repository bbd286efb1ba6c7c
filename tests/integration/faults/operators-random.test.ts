import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { NewOrderCommand } from '../../../shared/domain/order-commands.ts'
import type { HistoryEntry, OrderView } from '../../../shared/domain/order-view.ts'
import type { DeadLetterSummary } from '../../../shared/ports/dead-letters.ts'
import type { AuditEntry } from '../../../shared/ports/redrives.ts'
import { redriveAll } from '../../support/orders/dead-letters.ts'
import { storedOrders } from '../../support/orders/order-traffic.ts'
import { pagesOf, unlessCut, withProduct, type Answer, type Product } from '../../support/product/product.ts'
import { createRandom, seedOfThisRun, type Random } from '../../support/random.ts'
import { randomOrder } from '../../support/orders/random-orders.ts'

const DURATION_MS = Number(process.env['DURATION_MS'] ?? 15_000)
const SETTINGS = { FAULTS: 'on', RETRY_DELAYS: '50ms' }
const ORDERS = 60
const OPERATORS = 5
/** Our code throws for this customer's orders while the fault is on. */
const UNLUCKY = 13
/** Longer than any batch takes to be stored, even by the slow store. */
const MAX_STORING_MS = 1000
/** The statuses that an operator may get: success, a refusal with a reason, or 503 while a dependency is broken. */
const EXPECTED = [200, 202, 404, 409, 503]

test(
  `${DURATION_MS / 1000} s of operators in one another's way, with kills, faults and rebuilds, store every order once`,
  { timeout: 3 * DURATION_MS + 180_000 },
  async () => {
    const seed = seedOfThisRun()
    await withProduct(SETTINGS, async (product) => {
      const orders = await placeAndLoseAll(product, createRandom(seed))

      const over = new AbortController()
      const acts = Array.from({ length: OPERATORS }, (_, operator) =>
        operate(product, orders, createRandom(seed + 1 + operator), operator, over.signal),
      )
      await breakThings(product, createRandom(seed + 100))
      over.abort()
      const done = (await Promise.all(acts)).flat()

      await product.breaks({})
      await tasksEnded(product)
      await redriveAll(product)
      await tasksEnded(product)
      const stored = await storedOrders(product)
      const letters = await lettersOf(product)

      const discarded = new Set(letters.filter(({ state }) => state === 'discarded').map(({ orderId }) => orderId))
      for (const [orderId, order] of orders) {
        const view = (await product.ask(`/api/orders/${orderId}`)).body as unknown as OrderView
        const { items } = (await product.ask(`/api/orders/${orderId}/history`)).body as { items: HistoryEntry[] }
        const kinds = items.map(({ kind }) => kind)
        expect(kinds.slice(0, 2), orderId).toEqual(['accepted', 'attempt-failed'])
        if (stored.has(orderId)) {
          expect([view.status, view.recovered], orderId).toEqual(['stored', true])
          expect(itemsAfterStored(items), orderId).toEqual([])
          expect(view.billingAddress).toBe(order.billingAddress)
        } else {
          expect([view.status, discarded.has(orderId)], orderId).toEqual(['discarded', true])
        }
      }
      expect([...stored.keys()].filter((orderId) => !orders.has(orderId))).toHaveLength(2 * ORDERS)
      // No letter is stuck, and none failed because of an action on another letter.
      expect(letters.filter(({ state }) => state === 'dead' || state === 'redriven')).toEqual([])
      expect(letters.filter(({ lastCause }) => lastCause.code !== 'internal')).toEqual([])

      const audit = await pagesOf<AuditEntry>(product, '/api/audit')
      const reasons = new Set(audit.map(({ reason }) => reason))
      expect(done.filter((reason) => !reasons.has(reason))).toEqual([])

      await rebuilt(product)
      expect(await storedOrders(product)).toEqual(stored)
      console.log(`${done.length} acts, ${discarded.size} discarded, ${letters.length} letters`)
      // With fewer actions, the operators would never have got in each other's way.
      expect(done.length).toBeGreaterThan(ORDERS)
      expect(stored.size).toBeGreaterThan(0)
    })
  },
)

/**
 * The order's entries after it was stored. The time of storing is taken when a batch is sent to the store, which may be
 * slow. So a redrive or an edit that the store allows before it has the order may have a later time, and is left out.
 */
function itemsAfterStored(items: readonly HistoryEntry[]): HistoryEntry[] {
  const stored = items.findIndex(({ kind }) => kind === 'stored')
  const storedMs = Date.parse(items[stored]?.at ?? '')
  return items.slice(stored + 1).filter(({ kind, at }) => {
    const mayHaveBegunBefore = Date.parse(at) - storedMs < MAX_STORING_MS
    return !((kind === 'redriven' || kind === 'edited') && mayHaveBegunBefore)
  })
}

async function placeAndLoseAll(product: Product, random: Random): Promise<Map<string, NewOrderCommand>> {
  await product.breaks({ throwForCustomers: [UNLUCKY] })
  const orders = new Map<string, NewOrderCommand>()
  for (let number = 0; number < ORDERS; number += 1) {
    const order = { ...randomOrder(random, `${number}`, 3), customerId: UNLUCKY }
    // Good orders are mixed in, because the product holds a batch in which every order fails.
    const good = [1, 2].map((nth) => randomOrder(random, `good-${number}-${nth}`, 1))
    const [answer] = await Promise.all(
      [order, ...good].map((body) => product.ask('/api/orders', { method: 'POST', body })),
    )
    orders.set(String(answer?.body['orderId']), order)
  }
  await product.settled()
  return orders
}

/** Performs one action after another until the signal aborts. Returns the reasons given for those that succeeded. */
async function operate(
  product: Product,
  orders: ReadonlyMap<string, NewOrderCommand>,
  random: Random,
  operator: number,
  signal: AbortSignal,
): Promise<string[]> {
  const done: string[] = []
  const tasks: string[] = []

  for (let number = 0; !signal.aborted; number += 1) {
    const reason = `${operator}-${number}`
    const answer = await act(reason)
    if (answer !== undefined) {
      expect(EXPECTED, answer.text).toContain(answer.status)
      if (answer.status < 300) done.push(reason)
      const { id, ratePerSecond } = answer.body
      if (ratePerSecond !== undefined) tasks.push(String(id))
    }
    await sleep(random.whole(0, 60))
  }
  return done

  async function act(reason: string): Promise<Answer | undefined> {
    const letters = await attempt('GET', '/api/dead-letters?limit=200')
    const items = (letters?.body['items'] ?? []) as DeadLetterSummary[]
    if (items.length === 0) return undefined
    const dead = items.filter(({ state }) => state === 'dead')
    const letter = random.pick(dead.length > 0 && random.chance(0.8) ? dead : items)
    const path = `/api/dead-letters/${letter.id}`
    switch (random.whole(0, 8)) {
      case 0:
        return attempt('POST', `${path}/redrive`, { reason })
      case 1:
        return attempt('POST', '/api/dead-letters/redrive', { fingerprint: letter.fingerprint, reason })
      case 2:
        return attempt('POST', '/api/dead-letters/redrive', { ids: items.slice(0, 5).map(({ id }) => id), reason })
      case 3: {
        const order = orders.get(letter.orderId ?? '')
        const mended = { ...order, customerId: 14, customerName: `Edited ${reason}` }
        return attempt('PUT', `${path}/payload?reason=${reason}`, mended)
      }
      case 4:
      case 8:
        return attempt('POST', `${path}/discard`, { reason })
      case 5: {
        const discarded = items.filter(({ state }) => state === 'discarded')
        // Letters are restored only sometimes, so that some of them stay discarded.
        return discarded.length === 0 || random.chance(0.7)
          ? undefined
          : attempt('POST', `/api/dead-letters/${random.pick(discarded).id}/restore`, { reason })
      }
      default:
        return tasks.length === 0
          ? undefined
          : attempt('POST', `/api/redrives/${random.pick(tasks)}/${random.pick(['cancel', 'resume'])}`, { reason })
    }
  }

  /** Resolves with undefined while the product is stopped. */
  async function attempt(method: string, path: string, body?: unknown): Promise<Answer | undefined> {
    const headers = { 'x-functions-key': product.key, 'x-operator': `operator ${operator}` }
    return unlessCut(product.ask(path, { method, headers, body }))
  }
}

async function breakThings(product: Product, random: Random): Promise<void> {
  for (const end = Date.now() + DURATION_MS; Date.now() < end;) {
    await sleep(random.whole(200, 1500))
    if (random.chance(0.25)) {
      await product.kill()
      await product.start()
    }
    if (random.chance(0.2))
      await product.ask('/api/ops/rebuild', { method: 'POST', headers: { 'x-functions-key': product.key } })
    await product.breaks({
      throwForCustomers: random.pick([[], [UNLUCKY]]),
      store: random.pick(['ok', 'ok', 'ok', 'slow', 'down']),
      slowMs: random.whole(1, 50),
      log: random.chance(0.15) ? 'down' : 'ok',
    })
  }
}

const lettersOf = (product: Product) => pagesOf<DeadLetterSummary>(product, '/api/dead-letters')

/** Waits until no redrive task is running and every record has an outcome. */
async function tasksEnded(product: Product): Promise<void> {
  const audit = await pagesOf<AuditEntry>(product, '/api/audit')
  for (const { target } of audit.filter(({ action }) => action === 'redrive')) {
    while ((await product.operate(`/api/redrives/${target}`)).body['state'] === 'running') await sleep(100)
  }
  await product.settled()
}

async function rebuilt(product: Product): Promise<void> {
  const state = async () => (await product.operate('/api/ops/rebuild')).body['rebuild'] as { state: string } | null
  // A rebuild whose process was killed keeps its lease for a while.
  while ((await state())?.state === 'running') await sleep(200)
  await product.operate('/api/ops/rebuild', { method: 'POST' })
  while ((await state())?.state === 'running') await sleep(200)
  expect(await state()).toMatchObject({ state: 'done' })
}
