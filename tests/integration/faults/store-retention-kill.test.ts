import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { ORIGINAL_BODY } from '../../support/orders/orders.ts'
import { createProduct, type Product } from '../../support/product/product.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const POISON = 800
/** How many orders fail because they are for BAD_CUSTOMER, and how many are cancelled later. */
const [FAILING, AMENDED] = [40, 20]
const BAD_CUSTOMER = 13
const OPEN = 5
const KILLS = 6
const AGED_MS = 30 * 86_400_000
const SETTINGS = {
  FAULTS: 'on',
  RETRY_DELAYS: '50ms',
  ORDERS_PARTITIONS: '3',
  SETTLED_RETENTION: '7d',
  HISTORY_RETENTION: '7d',
  AUDIT_RETENTION: '7d',
  LOG_LEVEL: 'info',
}
/** The rows that retention can remove. A letter counts as removed once it is emptied. */
const REMAINING = {
  letters: "SELECT count(*) AS n FROM dead_letters WHERE removed_at IS NULL AND state = 'discarded'",
  histories: 'SELECT count(*) AS n FROM order_history',
  changes: 'SELECT count(*) AS n FROM order_change_history',
  audit: 'SELECT count(*) AS n FROM audit',
  redrives: 'SELECT count(*) AS n FROM redrive_tasks',
}
type Figures = Record<keyof typeof REMAINING, number>

/** Reads or writes the store's file while the product is not running. */
function inStore<T>(directory: string, work: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(join(directory, 'orders.db'))
  try {
    return work(db)
  } finally {
    db.close()
  }
}

const remaining = (directory: string) =>
  inStore(
    directory,
    (db) =>
      Object.fromEntries(
        Object.entries(REMAINING).map(([name, sql]) => [name, Number(db.prepare(sql).get()?.['n'])]),
      ) as Figures,
  )

/** Makes the rows look a month older. */
function age(directory: string): void {
  inStore(directory, (db) => {
    db.exec(`
      UPDATE dead_letters SET settled_at = settled_at - ${AGED_MS};
      UPDATE orders SET stored_at = stored_at - ${AGED_MS};
      UPDATE order_history SET at = at - ${AGED_MS};
      UPDATE order_change_history SET at = at - ${AGED_MS};
      UPDATE audit SET at = at - ${AGED_MS};
      UPDATE redrive_tasks SET updated_at = updated_at - ${AGED_MS};`)
  })
}

async function place(product: Product, customerId: number): Promise<string> {
  const body = { ...ORIGINAL_BODY, customerId }
  const { status, body: answer } = await product.ask('/api/orders', { method: 'POST', body })
  expect(status).toBe(202)
  return String(answer['orderId'])
}

const placeMany = (product: Product, count: number, customerId: number) =>
  Promise.all(Array.from({ length: count }, () => place(product, customerId)))
const statusOf = async (product: Product, orderId: string) =>
  (await product.ask(`/api/orders/${orderId}`)).body['status']
const countDead = async (product: Product) => {
  const { body } = await product.operate('/api/dead-letters?state=dead&limit=200')
  return (body['items'] as unknown[]).length
}

test('A product that is killed while old letters and entries are removed from the store loses nothing and brings nothing back', async () => {
  const directory = join(temporaryDirectory(), 'data')
  const quiet = createProduct(directory, {
    ...SETTINGS,
    SETTLED_RETENTION: 'forever',
    HISTORY_RETENTION: 'forever',
    AUDIT_RETENTION: 'forever',
  })
  await quiet.start()
  await quiet.breaks({ throwForCustomers: [BAD_CUSTOMER], poison: POISON })
  const failing = await placeMany(quiet, FAILING, BAD_CUSTOMER)
  const amended = await placeMany(quiet, AMENDED, 7)
  await quiet.settled()
  for (const orderId of amended) await quiet.ask(`/api/orders/${orderId}/cancel`, { method: 'POST' })
  const discard = (body: object) => quiet.operate('/api/dead-letters/discard', { method: 'POST', body })
  await discard({ all: true, reason: 'Of a test.' })
  await quiet.breaks({ throwForCustomers: [], poison: OPEN })
  await quiet.settled()
  // The first record is dead-lettered again, so the redrive stops.
  await quiet.operate('/api/dead-letters/redrive', { method: 'POST', body: { all: true } })
  const redrives = async () => (await quiet.operate('/api/redrives')).body['items']
  await vi.waitFor(async () => expect(await redrives()).toMatchObject([{ state: 'stopped' }]), {
    timeout: 60_000,
    interval: 100,
  })
  await quiet.settled()
  expect(await countDead(quiet)).toBe(OPEN)
  const before = await quiet.ledger()
  await quiet.stop()
  age(directory)
  const all = remaining(directory)
  for (const count of Object.values(all)) expect(count).toBeGreaterThan(0)

  const product = createProduct(directory, SETTINGS)
  const later: string[] = []
  const left: Figures[] = []
  for (let kills = 0; kills < KILLS; kills += 1) {
    await product.start()
    later.push(...(await placeMany(product, 3, 8)))
    await sleep(40 * kills)
    await product.kill()
    left.push(remaining(directory))
  }
  // At least one kill happened while letters were being removed.
  expect(left.filter(({ letters }) => letters > 0 && letters < all.letters).length).toBeGreaterThan(0)

  await product.start()
  try {
    await vi.waitFor(() => expect(product.log).toContain('store:removed'), { timeout: 60_000, interval: 100 })
    await product.settled()
    const { balanced, parked, gaps, lost } = await product.ledger()
    expect({ balanced, parked, gaps, lost }).toEqual({ balanced: true, parked: before.parked, gaps: [], lost: [] })
    await vi.waitFor(
      async () =>
        expect((await product.operate('/api/dead-letters?state=discarded')).body).toMatchObject({ items: [] }),
      { timeout: 60_000, interval: 100 },
    )
    for (const orderId of failing) expect(await statusOf(product, orderId)).toBe('discarded')
    expect(await countDead(product)).toBe(OPEN)
    const [amendedId = ''] = amended
    const history = (await product.ask(`/api/orders/${amendedId}/history`)).body['items'] as { kind: string }[]
    expect(history.map(({ kind }) => kind)).toEqual(['accepted', 'stored', 'entries-removed'])
    const metrics = await product.operate('/api/metrics')
    expect(metrics.text).toContain('orders_store_removed_total')
    expect(await product.stop()).toBe(0)
  } finally {
    if (product.isRunning) await product.kill()
  }
  expect(remaining(directory)).toEqual({ letters: 0, histories: 0, changes: 0, audit: 0, redrives: 0 })

  // Another consumer group reads both topics from the beginning, so every record is delivered a second time.
  const second = createProduct(directory, { ...SETTINGS, ORDERS_CONSUMER_GROUP: 'second' })
  await second.start()
  try {
    await second.settled()
    const { balanced, parked } = await second.ledger()
    expect({ balanced, discarded: parked.discarded }).toEqual({ balanced: true, discarded: before.parked.discarded })
    expect(await countDead(second)).toBe(OPEN)
    expect((await second.operate('/api/dead-letters?state=discarded')).body).toMatchObject({ items: [] })
    for (const orderId of failing) expect(await statusOf(second, orderId)).toBe('discarded')
    await second.operate('/api/ops/rebuild', { method: 'POST', body: { reason: 'A test.' } })
    const rebuilt = async () => (await second.operate('/api/ops/rebuild')).body['rebuild']
    await vi.waitFor(async () => expect(await rebuilt()).toMatchObject({ state: 'done' }), {
      timeout: 60_000,
      interval: 100,
    })
    expect(await rebuilt()).toMatchObject({ restored: 0 })
    for (const orderId of failing) expect(await statusOf(second, orderId)).toBe('discarded')
    for (const orderId of [...amended, ...later]) {
      expect(await statusOf(second, orderId)).toBe(amended.includes(orderId) ? 'cancelled' : 'stored')
    }
  } finally {
    await second.stop()
  }
}, 400_000)
