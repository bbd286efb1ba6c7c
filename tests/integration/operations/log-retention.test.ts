import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createExpireRecords, type RecordsKept } from '../../../shared/application/log/expire-records.ts'
import { createLifeInLog } from '../../../shared/application/log/life-in-log.ts'
import type { HandleDelivery } from '../../../shared/application/processing/handle-delivery.ts'
import { openServices, type Services } from '../../../shared/composition-root.ts'
import { sourcesOf } from '../../../shared/messaging/topics.ts'
import type { RecordToPublish } from '../../../shared/ports/event-log.ts'
import { readConfig } from '../../../shared/settings/config.ts'
import { messageOf, newOrder, orderCommand, testOrderIds } from '../../support/orders/orders.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

const DAY = 86_400_000
const RETENTION_DAYS = 2
const ORDERS_A_DAY = 400
const POISON_A_DAY = 5
const DAYS_A_LIFE = 3
const LIVES = 5
const ACT = { operator: 'sam', verified: false, at: '2026-01-01T00:00:00.000Z', reason: null }
const SETTINGS = {
  ORDERS_PARTITIONS: '3',
  LOG_RETENTION: `${RETENTION_DAYS}d`,
  AzureWebJobs_consumeOrders_Disabled: 'true',
  LOG_LEVEL: 'silent',
}

let directory: string
let all: Services
/**
 * This clock starts at the system's time, because the log timestamps copies in the dead-letter topic with the system's
 * time.
 */
const clock = createVirtualClock(Date.now())

async function open(): Promise<void> {
  all = await openServices(readConfig({ DATA_DIR: directory, ...SETTINGS }, 'embedded'))
  const { topics, storeOrders, storeRetries, keepDeadLetters } = all
  const handlers: HandleDelivery[] = [storeOrders, ...storeRetries, keepDeadLetters]
  for (const [index, { topic, group }] of sourcesOf(topics).entries()) {
    await all.log.subscribe({
      topic,
      groupId: group,
      maxBatchSize: 500,
      onBatch: async (records) => handlers[index]?.(records.map((record) => ({ ...record, lossy: false }))),
      onError(error) {
        throw error
      },
    })
  }
}

const close = () => all[Symbol.asyncDispose]()

beforeEach(async () => {
  directory = temporaryDirectory()
  await open()
})
afterEach(close)

/** Creates the use case that removes old records from these services' log. It takes the time from the test's clock. */
const expiry = (onKept: (kept: RecordsKept) => void = (kept) => expect(kept).toBeUndefined()) =>
  createExpireRecords({
    log: all.log,
    removal: all.removal,
    ledger: all.ledger,
    maintenance: all.maintenance,
    topics: all.topics,
    retentionMs: all.config.logRetentionMs,
    clock,
    signal: new AbortController().signal,
    onKept,
    lastReset: async () => undefined,
    onError: () => undefined,
    onBack: () => undefined,
  })

/**
 * Publishes and processes the records of one day, all with a timestamp in the middle of that day. Some of these records
 * can never be stored.
 */
async function day(): Promise<void> {
  const timestamp = clock.now() + DAY / 2
  const acceptedAt = new Date(timestamp).toISOString()
  const orders = Array.from({ length: ORDERS_A_DAY }, (_, index): RecordToPublish => {
    const customerName = `Name ${index}`
    const event = newOrder({ orderId: testOrderIds.next(timestamp), acceptedAt, data: orderCommand({ customerName }) })
    return { ...messageOf(event), timestamp }
  })
  const poison = Array.from({ length: POISON_A_DAY }, () => ({ key: null, value: 'no JSON', headers: [], timestamp }))
  await all.log.publish('orders', [...orders, ...poison])
  await vi.waitFor(async () => expect(await waiting()).toEqual([0, 0]), { timeout: 60_000, interval: 20 })
  clock.advance(DAY)
}

/** How many records in the orders topic and in the dead-letter topic are not committed yet. */
async function waiting(): Promise<number[]> {
  const { topics } = all
  const counts = [
    { topic: topics.orders, group: topics.group },
    { topic: topics.deadLetters, group: topics.deadLetterGroup },
  ]
  return Promise.all(
    counts.map(async ({ topic, group }) => {
      const committed = await all.log.committed(group, topic)
      const offsets = await all.log.offsets(topic)
      return offsets.reduce((total, { partition, end }) => total + end - (committed.get(partition) ?? 0), 0)
    }),
  )
}

async function inLog(topic: string): Promise<number> {
  return (await all.log.offsets(topic)).reduce((total, { first, end }) => total + end - first, 0)
}

function bytesOfLog(): number {
  const file = join(directory, 'log.db')
  expect(existsSync(`${file}-wal`)).toBe(false)
  return statSync(file).size
}

test('A log with LOG_RETENTION stays within a fixed size, and every record that left it stays accounted for', async () => {
  const sizes: number[] = []
  let days = 0
  for (let life = 0; life < LIVES; life += 1) {
    for (let n = 0; n < DAYS_A_LIFE; n += 1) {
      await day()
      days += 1
      await expiry()?.expire()
      const stay = Math.min(days, RETENTION_DAYS)
      const left = stay * (ORDERS_A_DAY + POISON_A_DAY)
      expect(await inLog('orders')).toBe(left)
      const { balanced, totals, lost } = await all.ledgerVerdict()
      expect({ balanced, lost }).toEqual({ balanced: true, lost: [] })
      expect(totals).toMatchObject({ stored: days * ORDERS_A_DAY, parked: days * POISON_A_DAY, gaps: 0, lost: 0 })
      expect(totals.expired).toBe(totals.records - left)
    }
    await close()
    sizes.push(bytesOfLog())
    await open()
  }
  // The first size does not count, because the file did not yet have its usual number of overwritten rows.
  expect(Math.max(...sizes)).toBeLessThan((sizes[1] ?? 0) * 1.1)
  expect(await all.log.inspect()).toMatchObject([{ well: true }])
  expect((await all.deadLetters.list({ limit: 200 })).items).toHaveLength(days * POISON_A_DAY)
})

test('A consumer that was down for longer than the retention period finds every record, and meanwhile the figures show that the records are kept', async () => {
  await close()
  all = await openServices(readConfig({ DATA_DIR: directory, ...SETTINGS }, 'embedded'))
  const timestamp = clock.now()
  const placed = Array.from({ length: 20 }, () => testOrderIds.next(timestamp))
  const recordOf = (orderId: string) => ({ ...messageOf(newOrder({ orderId })), timestamp })
  await all.log.publish('orders', placed.map(recordOf))
  await all.ledgerWatch.look()
  clock.advance(3 * DAY)
  const kept: RecordsKept[] = []
  const expires = expiry((one) => kept.push(one))
  for (let round = 0; round < 3; round += 1) expect(await expires?.expire()).toBe(0)
  expect(await inLog('orders')).toBe(placed.length)
  expect(kept).toHaveLength(3)
  const why = 'the consumer group order-processor has not read them'
  for (const one of kept) expect(one).toMatchObject({ by: 'group', why, since: timestamp + RETENTION_DAYS * DAY })
  const lifeInLog = createLifeInLog({ log: all.log, firstUncounted: async () => new Map(), now: () => clock.now() })
  expect(await lifeInLog('orders', 'order-processor')).toMatchObject({ used: 1.5, staysUntilProcessed: true })

  await close()
  await open()
  await vi.waitFor(async () => expect(await waiting()).toEqual([0, 0]), { timeout: 60_000, interval: 20 })
  expect((await all.views.getMany(placed)).size).toBe(placed.length)
  expect(await expiry()?.expire()).toBe(placed.length)
  expect(await all.ledgerVerdict()).toMatchObject({ balanced: true, totals: { stored: placed.length, lost: 0 } })
})

test('No file contains the name of a forgotten customer, whether records leave the log before or after the customer is forgotten', async () => {
  const [leaves, asks] = ['Quillfeather', 'Featherstonehaugh']
  const place = async (customerId: number, customerLastName: string, orders: number) => {
    const timestamp = clock.now()
    const acceptedAt = new Date(timestamp).toISOString()
    const records = Array.from({ length: orders }, (_, n) => {
      const data = orderCommand({
        customerId,
        customerLastName,
        shippingAddress: `${n} Example Road`.repeat(1 + (n % 8)),
      })
      return { ...messageOf(newOrder({ orderId: testOrderIds.next(timestamp), acceptedAt, data })), timestamp }
    })
    await all.log.publish('orders', records)
  }
  const forget = (customerId: number) =>
    all.forgetCustomer.forget(customerId, { ...ACT, at: new Date(clock.now()).toISOString() })
  const inFiles = (name: string) =>
    readdirSync(directory).filter((file) => readFileSync(join(directory, file)).includes(name))

  for (let n = 0; n < 6; n += 1) {
    await place(7, leaves, 40)
    await place(8, asks, 40)
    await day()
    await expiry()?.expire()
  }
  await close()
  expect(inFiles(leaves)).toEqual(['log.db', 'orders.db'])
  await open()
  await forget(7)
  expect(inFiles(leaves)).toEqual([])
  for (let n = 0; n < 2; n += 1) {
    await day()
    await expiry()?.expire()
  }
  await forget(8)
  expect([inFiles(leaves), inFiles(asks)]).toEqual([[], []])
  await close()
  expect([inFiles(leaves), inFiles(asks)]).toEqual([[], []])
  await open()
}, 120_000)

test('A new epoch of the ledger begins where the log begins', async () => {
  await day()
  await day()
  clock.advance(DAY)
  expect(await expiry()?.expire()).toBeGreaterThan(ORDERS_A_DAY)
  await all.resetLedger(ACT, true)
  const { balanced, totals } = await all.ledgerVerdict()
  expect({ balanced, stored: totals.stored }).toEqual({ balanced: true, stored: ORDERS_A_DAY })
})

test('No record leaves the log while the ledger is being repaired or reset', async () => {
  await day()
  clock.advance(2 * DAY)
  const during = new Map<string, number | undefined>()
  const { maintenance } = all
  const expireIn = (name: 'endRepair' | 'resetLedger') => {
    const original = maintenance[name] as (...args: unknown[]) => Promise<void>
    vi.spyOn(maintenance, name).mockImplementation(async (...args: unknown[]) => {
      during.set(name, await expiry()?.expire())
      await original.apply(maintenance, args)
    })
  }
  expireIn('endRepair')
  await all.repairLedger(ACT)
  expireIn('resetLedger')
  await all.resetLedger(ACT, true)
  expect(during).toEqual(
    new Map([
      ['endRepair', 0],
      ['resetLedger', 0],
    ]),
  )
  expect(await expiry()?.expire()).toBeGreaterThan(ORDERS_A_DAY)
})
