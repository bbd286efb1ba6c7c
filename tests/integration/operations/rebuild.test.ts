import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createRebuild, type ReadRecord } from '../../../shared/application/operations/rebuild.ts'
import { openServices, type Services } from '../../../shared/composition-root.ts'
import { readConfig } from '../../../shared/settings/config.ts'
import { bodyHash, newOrderJson, newOrderOf } from '../../../shared/domain/order-events.ts'
import { originOf } from '../../../shared/messaging/parking/parking.ts'
import { deadLetterId } from '../../../shared/ports/dead-letters.ts'
import type { LogRecord, RecordToPublish } from '../../../shared/ports/event-log.ts'
import type { Rebuild } from '../../../shared/ports/maintenance.ts'
import { systemClock } from '../../../shared/adapters/system-clock.ts'
import { messageOf, newOrder, orderCommand, testOrderIds, orderIn } from '../../support/orders/orders.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const ACT = { operator: 'sam', verified: false, at: '2026-01-01T00:00:00.000Z', reason: null }
const MINUTE = 60_000

let directory: string
let all: Services
let position: Map<string, number>

beforeEach(async () => {
  directory = temporaryDirectory()
  position = new Map()
  all = await openServices(readConfig({ DATA_DIR: directory, ORDERS_PARTITIONS: '3', LOG_LEVEL: 'silent' }, 'embedded'))
})
afterEach(() => all[Symbol.asyncDispose]())

const FIRST_CUSTOMER = 1
const orderNumber = (number: number, acceptedMs = Date.UTC(2026, 0, 1) + number * MINUTE): RecordToPublish =>
  messageOf(
    newOrder({
      orderId: testOrderIds.next(acceptedMs),
      acceptedAt: new Date(acceptedMs).toISOString(),
      data: orderCommand({ customerId: number + FIRST_CUSTOMER, customerName: `Name${number}` }),
    }),
  )
const orders = (count: number, from = 0) => Array.from({ length: count }, (_, index) => orderNumber(from + index))

/** Delivers the records that the topic has received since the last delivery, as its trigger would. */
async function deliver(topic: string, handle: (records: never[]) => Promise<void>): Promise<void> {
  for (const { partition, end } of await all.log.offsets(topic)) {
    const place = `${topic}:${partition}`
    for (let next = position.get(place) ?? 0; next < end;) {
      const records = await all.log.read(topic, partition, next, 500)
      await handle(records.map((record) => ({ ...record, lossy: false })) as never[])
      next = (records.at(-1)?.offset ?? end) + 1
      position.set(place, next)
    }
  }
}

async function publishAndStore(records: readonly RecordToPublish[]) {
  const places = await all.log.publish('orders', records)
  await deliver('orders', all.storeOrders)
  await deliver('orders-dlt', all.keepDeadLetters)
  return places
}

/** Every row of the orders' read model, except the full-text index. */
function rows() {
  const db = new DatabaseSync(join(directory, 'orders.db'), { readOnly: true })
  try {
    const tables = ['orders', 'order_items', 'order_spans', 'order_states', 'order_history', 'dead_letters', 'ledger']
    return Object.fromEntries(tables.map((table) => [table, db.prepare(`SELECT * FROM ${table}`).all()]))
  } finally {
    db.close()
  }
}

/** The tables and indexes, without quotes, because SQLite quotes the name of a renamed table. */
function schema() {
  const db = new DatabaseSync(join(directory, 'orders.db'), { readOnly: true })
  try {
    const objects = db.prepare('SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name').all()
    return objects.map((row) => ({
      ...row,
      sql: row['sql'] === null ? null : String(row['sql']).replaceAll(/["']/g, ''),
    }))
  } finally {
    db.close()
  }
}

function change(sql: string): void {
  const db = new DatabaseSync(join(directory, 'orders.db'), { timeout: 2000 })
  try {
    db.exec(sql)
  } finally {
    db.close()
  }
}

const rebuildBy = (readRecord?: ReadRecord) =>
  createRebuild({
    log: all.log,
    store: all.store,
    maintenance: all.maintenance,
    topic: 'orders',
    groupId: all.topics.group,
    clock: systemClock,
    signal: new AbortController().signal,
    onError: () => undefined,
    ...(readRecord !== undefined && { readRecord }),
  })

async function ended(): Promise<Rebuild> {
  for (;;) {
    const rebuild = await all.maintenance.getRebuild()
    if (rebuild !== undefined && rebuild.state !== 'running') return rebuild
    await sleep(5)
  }
}

async function rebuild(readRecord?: ReadRecord): Promise<Rebuild> {
  await rebuildBy(readRecord).start(ACT)
  return ended()
}

const found = async (q: string) =>
  (await all.views.search({ q, limit: 200 })).items.map(({ customerName }) => customerName)

/** Reads today's event as the upcaster of a later version would. */
const upcast = (record: LogRecord) => {
  const read = orderIn(record, originOf(record))
  const order = newOrderOf(read.json)
  const json = newOrderJson({ ...order, customerName: `Upcast ${order.customerName}` })
  return { ...read, json, bodyHash: bodyHash(json) }
}

describe('a rebuild of the orders from the log', () => {
  /** Stored, dead, discarded, redriven and edited orders. */
  async function allKinds(): Promise<void> {
    await publishAndStore(orders(450))
    const bad = orders(4, 450).map((record) => ({ ...record, value: '{}' }))
    const letters = (await publishAndStore(bad)).map(deadLetterId)
    await all.redriveTasks.discard(letters[0]!, { ...ACT, reason: 'A test order.' })
    await all.redrives.edit(letters[1]!, orderCommand({ customerId: 9999, customerName: 'Mended' }), ACT)
    await publishAndStore([])
    // This order is redriven unchanged and becomes a dead letter again, which supersedes the first letter.
    await publishAndStore([{ ...bad[2]!, headers: [...bad[2]!.headers, ['oep-redrive-of', letters[2]!]] }])
    await publishAndStore(orders(20, 460))
    // The same order twice.
    await publishAndStore(orders(1, 480).flatMap((record) => [record, record]))
  }

  test('gives the same orders, items and figures as before, whatever their outcomes', async () => {
    await allKinds()
    const before = rows()
    const schemaBefore = schema()
    expect(await rebuild()).toMatchObject({ state: 'done', records: 478, projected: 472, restored: 0, kept: 0 })
    expect(rows()).toEqual(before)
    expect(schema()).toEqual(schemaBefore)
    expect(await all.ledgerVerdict()).toMatchObject({ balanced: true })
    expect(await found('mended')).toEqual(['Mended'])
    expect(await found('name46')).toHaveLength(11)
    expect((await all.views.list({ limit: 200, q: 'name46' })).items).toHaveLength(11)
    expect((await all.redriveTasks.audit({ limit: 1 })).items).toMatchObject([{ action: 'rebuild', operator: 'sam' }])
  })

  test('reads every version of the event with today’s code, and keeps what the log does not have', async () => {
    await allKinds()
    const before = rows()
    expect(await rebuild(upcast)).toMatchObject({ state: 'done', projected: 472, kept: 0 })
    const untold = (table: readonly Record<string, unknown>[] = []) =>
      table.map((row) => ({ ...row, customer_name: undefined, body_hash: undefined }))
    const after = rows()
    expect(untold(after['orders'])).toEqual(untold(before['orders']))
    expect(after['orders']?.every((row) => String(row['customer_name']).startsWith('Upcast '))).toBe(true)
    expect({ ...after, orders: [] }).toEqual({ ...before, orders: [] })
    expect(await found('upcast mended')).toEqual(['Upcast Mended'])
  })

  test('is seamless: queries always find every order, and new orders are stored meanwhile', async () => {
    await publishAndStore(orders(1500))
    const [known] = (await all.views.list({ limit: 1 })).items
    await rebuildBy(upcast).start(ACT)
    let stored = 1500
    let looks = 0
    const swapped = new Set<boolean>()
    for (let state = 'running'; state === 'running' || looks < 20; looks += 1) {
      state = (await all.maintenance.getRebuild())?.state ?? ''
      const seen = await all.views.get(known!.orderId)
      expect(seen).toMatchObject({ status: 'stored' })
      swapped.add(seen?.customerName?.startsWith('Upcast') ?? false)
      expect((await all.views.list({ limit: 200, to: '2026-01-01T03:00:00.000Z' })).items).toHaveLength(180)
      expect((await found('name77')).length).toBeGreaterThanOrEqual(1)
      if (state !== 'running') continue
      await publishAndStore(orders(5, 2000 + stored))
      stored += 5
    }
    expect([...swapped]).toEqual([false, true])
    expect(await ended()).toMatchObject({ state: 'done' })
    expect(stored).toBeGreaterThan(1500)
    expect(rows()['orders']).toHaveLength(stored)
    expect(await all.ledgerVerdict()).toMatchObject({ balanced: true })
    expect((await all.maintenance.inspect()).filter(({ well }) => !well)).toEqual([])
  })

  test('stores orders again that the store has lost, and none that it never had', async () => {
    await allKinds()
    change('DELETE FROM order_items WHERE order_seq > 10; DELETE FROM orders WHERE seq > 10')
    expect(await rebuild()).toMatchObject({ state: 'done', projected: 472, restored: 462, kept: 0 })
    // They come back in the order in which they were accepted, as far as the sequence within partitions allows.
    const stored = rows()['orders'] ?? []
    const restored = stored.map((row) => Number(row['customer_id'])).filter((id) => id <= 450)
    expect(restored).toHaveLength(450)
    expect(restored.slice(10)).toEqual(restored.slice(10).toSorted((one, other) => one - other))
    expect(await found('mended')).toEqual(['Mended'])
    expect((await all.views.list({ limit: 200, status: 'discarded' })).items).toHaveLength(1)
    expect(await all.ledgerVerdict()).toMatchObject({ balanced: true })
  })

  test('keeps an order that today’s code can no longer read', async () => {
    await publishAndStore(orders(3))
    const before = rows()
    const readRecord: ReadRecord = (record) => {
      const { customerName } = newOrderOf(upcast(record).json)
      if (customerName.endsWith('Name1')) return orderIn({ ...record, value: null }, originOf(record))
      return orderIn(record, originOf(record))
    }
    expect(await rebuild(readRecord)).toMatchObject({ state: 'done', projected: 2, kept: 1 })
    expect(rows()).toEqual(before)
  })

  test('that meets a bug of ours changes nothing, says so, and can be started again', async () => {
    await publishAndStore(orders(3))
    const before = rows()
    const failed = await rebuild(() => {
      throw new TypeError('a fault in an upcaster')
    })
    expect(failed).toMatchObject({ state: 'failed', why: expect.stringContaining('fault') })
    expect(rows()).toEqual(before)
    expect(await rebuild()).toMatchObject({ state: 'done', projected: 3 })
  })
})
