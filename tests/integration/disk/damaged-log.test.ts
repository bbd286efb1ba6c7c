import { closeSync, fstatSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createEmbeddedLog, type EmbeddedLog } from '../../../shared/adapters/embedded/embedded-log.ts'
import type { RemovalBounds, RemovalStep } from '../../../shared/ports/event-log.ts'
import { ORIGINAL_BODY } from '../../support/orders/orders.ts'
import { createProduct } from '../../support/product/product.ts'
import { unreadableOffsets } from '../../../shared/domain/errors.ts'
import { collect } from '../../contract/log/log-steps.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const RECORDS = 40
const DAMAGED = 17
const timeOf = (n: number) => 1_700_000_100_000 + n

function recordOf(n: number) {
  const text = `${n}`.padStart(4, '0')
  return {
    key: `key-${text}`,
    value: `value-${text}`,
    headers: [[`name-${text}`, `header-${text}`]] as const,
    timestamp: timeOf(n),
  }
}

const ALL = Array.from({ length: RECORDS }, (_, n) => n)

/** A closed log, whose data is all in one file. */
async function written(records = ALL.map(recordOf)) {
  const directory = temporaryDirectory()
  const log = await createEmbeddedLog({ directory })
  await log.publish('t', records)
  await log[Symbol.asyncDispose]()
  return { directory, file: join(directory, 'log.db') }
}

async function opened(directory: string) {
  const log = await createEmbeddedLog({ directory })
  onTestFinished(() => log[Symbol.asyncDispose]())
  return log
}

/** Flips a bit in the last of these bytes, which must occur exactly once in the file. */
function flip(file: string, bytes: Buffer | string): void {
  const content = readFileSync(file)
  const needle = Buffer.from(bytes)
  const at = content.indexOf(needle)
  expect(at).toBeGreaterThan(0)
  expect(content.indexOf(needle, at + 1)).toBe(-1)
  const last = at + needle.length - 1
  content.writeUInt8(content.readUInt8(last) ^ 1, last)
  writeFileSync(file, content)
}

/** Overwrites 64 KiB in the middle of the file with zeros, starting at a page boundary. */
function zeroTheMiddle(file: string): void {
  const zeros = Buffer.alloc(64 * 1024)
  const descriptor = openSync(file, 'r+')
  const { size } = fstatSync(descriptor)
  writeSync(descriptor, zeros, 0, zeros.length, Math.floor(size / 2 / 4096) * 4096)
  closeSync(descriptor)
}

/** Removes records until there is nothing more to remove, and returns the result of the last step. */
async function removeAll(log: EmbeddedLog, bounds: RemovalBounds): Promise<RemovalStep> {
  for (;;) {
    const step = await log.removeRecords('t', 0, bounds)
    if (!step.more) return step
  }
}

function alter(file: string, sql: string): void {
  using db = new DatabaseSync(file)
  db.exec(sql)
}

function six(value: number): Buffer {
  const bytes = Buffer.alloc(6)
  bytes.writeUIntBE(value, 0, 6)
  return bytes
}

/** Reading thousands of records in batches of seven takes longer than the default timeout. */
const PATIENTLY = { timeout: 60_000 }

/** Consumes all the records, and one that is published afterwards. Resolves with the offsets reported as damaged. */
async function passedOver(directory: string, records = ALL.length): Promise<number[]> {
  await using log = await createEmbeddedLog({ directory })
  await using consumer = await collect(log, { topic: 't', groupId: 'g', maxBatchSize: 7 })
  const told = () => consumer.errors.flatMap(offsetsIn)
  await vi.waitFor(() => expect(consumer.records.length + told().length).toBe(records), PATIENTLY)
  const all = Array.from({ length: records }, (_, n) => n)
  expect(consumer.records.map(({ offset }) => offset)).toEqual(all.filter((n) => !told().includes(n)))
  await vi.waitFor(async () => expect(await log.committed('g', 't')).toEqual(new Map([[0, records]])), PATIENTLY)
  expect(await log.publish('t', [recordOf(9000)])).toMatchObject([{ offset: records }])
  await vi.waitFor(() => expect(consumer.records.at(-1)).toMatchObject({ offset: records }), PATIENTLY)
  return told()
}

function offsetsIn(error: unknown): number[] {
  const range = unreadableOffsets(error)
  if (range === undefined) throw error
  return Array.from({ length: range.to - range.from }, (_, n) => range.from + n)
}

describe('A record of the embedded log that was changed on disk', () => {
  const text = `${DAMAGED}`.padStart(4, '0')
  test.each<[string, (file: string) => void]>([
    ['its value', (file) => flip(file, `value-${text}`)],
    ['its key', (file) => flip(file, `key-${text}`)],
    ['the value of a header', (file) => flip(file, `header-${text}`)],
    ['the name of a header', (file) => flip(file, `name-${text}`)],
    ['its timestamp', (file) => flip(file, six(timeOf(DAMAGED)))],
    [
      'its checksum',
      (file) => alter(file, `UPDATE partition_1 SET checksum = checksum + 1 WHERE record_offset = ${DAMAGED}`),
    ],
    [
      'whether it has a checksum',
      (file) => alter(file, `UPDATE partition_1 SET checksum = NULL WHERE record_offset = ${DAMAGED}`),
    ],
    [
      'a number, to one that JavaScript does not have',
      (file) => alter(file, `UPDATE partition_1 SET timestamp = ${2n ** 62n} WHERE record_offset = ${DAMAGED}`),
    ],
    [
      'its value to none',
      (file) => alter(file, `UPDATE partition_1 SET value = NULL WHERE record_offset = ${DAMAGED}`),
    ],
  ])('in %s is not delivered; the rest is', async (_, damage) => {
    const { directory, file } = await written()
    damage(file)
    expect(await passedOver(directory)).toEqual([DAMAGED])
  })

  test('is reported with its position by every reader', async () => {
    const { directory, file } = await written()
    flip(file, `value-${text}`)
    const log = await opened(directory)
    expect(await log.read('t', 0, 0, 100)).toHaveLength(DAMAGED)
    await expect(log.read('t', 0, DAMAGED, 1)).rejects.toMatchObject({
      code: 'log-unreadable',
      message: `The log is damaged at t 0:${DAMAGED}: the checksum does not match.`,
      unreadable: { from: DAMAGED, to: DAMAGED + 1 },
    })
    expect(await log.read('t', 0, DAMAGED + 1, 100)).toHaveLength(RECORDS - DAMAGED - 1)
  })

  test.each<[string, (file: string) => void, why: string]>([
    ['does not match its checksum', (file) => flip(file, `value-${text}`), 'the checksum does not match'],
    [
      'is missing',
      (file) => alter(file, `DELETE FROM partition_1 WHERE record_offset = ${DAMAGED}`),
      'the record is missing from the file',
    ],
  ])('and %s ends the removal of old records before it', async (_, damage, why) => {
    const { directory, file } = await written()
    damage(file)
    const log = await opened(directory)
    const all = { olderThan: Number.MAX_SAFE_INTEGER, toOffset: RECORDS }
    const message = `The log is damaged at t 0:${DAMAGED}: ${why}.`
    expect(await log.removeRecords('t', 0, all)).toMatchObject({ removed: DAMAGED, unreadable: { message } })
    expect(await log.removeRecords('t', 0, all)).toMatchObject({ removed: 0, more: false, unreadable: { message } })
    expect(await log.offsets('t')).toEqual([{ partition: 0, first: DAMAGED, end: RECORDS }])
    expect(await log.read('t', 0, DAMAGED + 1, 100)).toHaveLength(RECORDS - DAMAGED - 1)

    const behind = timeOf(DAMAGED + 1)
    const damagedOlderThan = behind + 1
    expect(await log.removeRecords('t', 0, { ...all, damagedOlderThan: behind })).toMatchObject({
      removed: 0,
      unreadable: { message },
    })
    expect(await log.removeRecords('t', 0, { ...all, olderThan: behind, damagedOlderThan })).toEqual({
      removed: 0,
      more: false,
    })
    expect(await log.removeRecords('t', 0, { ...all, damagedOlderThan })).toEqual({ removed: 1, more: true })
    expect(await removeAll(log, { ...all, damagedOlderThan })).toEqual({
      removed: RECORDS - DAMAGED - 1,
      more: false,
    })
    expect(await log.offsets('t')).toEqual([{ partition: 0, first: RECORDS, end: RECORDS }])
  })

  test('replaced by another intact record is detected by its position', async () => {
    const { directory, file } = await written()
    alter(
      file,
      `UPDATE partition_1 SET record_offset = -1 WHERE record_offset = 3; UPDATE partition_1 SET record_offset = 3 WHERE record_offset = 8; UPDATE partition_1 SET record_offset = 8 WHERE record_offset = -1`,
    )
    expect(await passedOver(directory)).toEqual([3, 8])
  })
})

test('Zeroed pages in the middle of the log cost their own records and no others', async () => {
  const many = 4000
  const { directory, file } = await written(
    Array.from({ length: many }, (_, n) => ({ ...recordOf(n), value: `${n}`.padEnd(600, '.') })),
  )
  zeroTheMiddle(file)
  const log = await opened(directory)
  const missing: number[] = []
  let records = 0
  for (let next = 0; next < many;) {
    try {
      const found = await log.read('t', 0, next, 500)
      records += found.length
      next += found.length
    } catch (error) {
      const offsets = offsetsIn(error)
      expect(offsets[0]).toBe(next)
      missing.push(...offsets)
      next += offsets.length
    }
  }
  expect(missing.length).toBeGreaterThan(0)
  expect(records + missing.length).toBe(many)
  const [finding] = await log.inspect()
  expect(finding).toMatchObject({ name: 'records', well: false })
  expect(finding?.detail).toMatch(
    new RegExp(`^All ${records} records were read. ${missing.length} are damaged, at t 0:`),
  )
  await log[Symbol.asyncDispose]()
  expect(await passedOver(directory, many)).toEqual(missing)
})

test('Zeroed pages in the log stop the removal of old records, unless damaged records may be removed too', async () => {
  const many = 4000
  const { directory, file } = await written(
    Array.from({ length: many }, (_, n) => ({ ...recordOf(n), value: `${n}`.padEnd(600, '.') })),
  )
  zeroTheMiddle(file)
  const log = await opened(directory)
  const all = { olderThan: Number.MAX_SAFE_INTEGER, toOffset: many }
  const { unreadable } = await removeAll(log, all)
  const { from, to } = unreadableOffsets(unreadable) ?? { from: 0, to: 0 }
  expect(await log.offsets('t')).toEqual([{ partition: 0, first: from, end: many }])
  expect(to).toBeGreaterThan(from)
  expect(await log.read('t', 0, to, 1)).toMatchObject([{ offset: to }])
  expect(await log.publish('t', [recordOf(9000)])).toMatchObject([{ offset: many }])

  const settled = { ...all, damagedOlderThan: Number.MAX_SAFE_INTEGER }
  expect(await removeAll(log, settled)).toEqual({ removed: expect.any(Number), more: false })
  expect(await log.offsets('t')).toEqual([{ partition: 0, first: many, end: many + 1 }])
  expect(await log.read('t', 0, 0, 10)).toMatchObject([{ offset: many }])
  expect(await log.inspect()).toMatchObject([{ name: 'records', well: true }])
  // The damaged page stays in the file, but does not stop later removals.
  expect(await log.publish('t', ALL.map(recordOf))).toHaveLength(RECORDS)
  expect(await removeAll(log, { ...settled, toOffset: many + RECORDS })).toEqual({ removed: RECORDS, more: false })
})

test('Thousands of missing offsets are removed in steps, once the record after them is old enough', async () => {
  const many = 4000
  const { directory, file } = await written(Array.from({ length: many }, (_, n) => recordOf(n)))
  alter(file, `DELETE FROM partition_1 WHERE record_offset BETWEEN 5 AND 3990`)
  const log = await opened(directory)
  const bounds = { olderThan: timeOf(many), toOffset: many, damagedOlderThan: timeOf(many) }
  const steps: number[] = []
  for (let more = true; more;) {
    const step = await log.removeRecords('t', 0, bounds)
    expect(step).not.toHaveProperty('unreadable')
    steps.push(step.removed)
    more = step.more
  }
  expect(steps).toEqual([5, 0, 0, 0, 3986, 9])
})

test('A log written before records had checksums is readable, and later records get checksums', async () => {
  const { directory, file } = await written()
  alter(
    file,
    'ALTER TABLE partition_1 DROP COLUMN checksum; ALTER TABLE partitions DROP COLUMN checksums_from; ALTER TABLE partitions DROP COLUMN first_offset; DROP TABLE remains; PRAGMA user_version = 1',
  )
  expect(await passedOver(directory)).toEqual([])
  flip(file, 'value-9000')
  flip(file, `value-0001`)
  const log = await opened(directory)
  expect(await log.read('t', 0, 0, 100)).toHaveLength(RECORDS)
  await expect(log.read('t', 0, RECORDS, 1)).rejects.toMatchObject({ code: 'log-unreadable' })
})

describe('A product whose log was damaged while it was stopped', () => {
  const ORDERS = 1200
  const WITHIN = { timeout: 60_000, interval: 1000 }

  /** Accepts orders and stores none. */
  async function withOrdersWaiting() {
    const directory = temporaryDirectory()
    const product = createProduct(join(directory, 'data'), { AzureWebJobs_consumeOrders_Disabled: 'true' })
    await product.start()
    const ids: string[] = []
    for (let n = 0; n < ORDERS; n += 50) {
      const placed = await Promise.all(
        Array.from({ length: 50 }, (_, i) => product.ask('/api/orders', { method: 'POST', body: orderOf(n + i) })),
      )
      for (const { status, body } of placed) {
        expect(status).toBe(202)
        ids.push(String(body['orderId']))
      }
    }
    expect(await product.stop()).toBe(0)
    return { directory, ids, file: join(product.dataDir, 'log.db') }
  }

  test.each<[string, (file: string) => void, damaged: unknown]>([
    ['64 KiB of zeros in the middle of what waits', zeroTheMiddle, expect.any(Number)],
    ['one bit in each of 20 addresses', flipAddresses, 20],
  ])(
    'by %s stores the intact orders unchanged, and accounts for each damaged one',
    async (_, damage, expected) => {
      const { directory, ids, file } = await withOrdersWaiting()
      damage(file)
      const product = createProduct(join(directory, 'data'), { LOG_LEVEL: 'warn' })
      await product.start()
      /** The number of orders that are not stored and whose cause says that the record may be missing. */
      async function withCause(): Promise<number> {
        let found = 0
        for (const id of ids) {
          const { body } = await product.ask(`/api/orders/${id}`)
          if (body['status'] === 'stored') expect(body).not.toHaveProperty('cause')
          else if ((body['cause'] as { code: string } | undefined)?.code === 'record-missing') found += 1
        }
        return found
      }
      try {
        await vi.waitFor(async () => expect((await product.ledger()).totals.toCome).toBe(0), { timeout: 60_000 })
        const { balanced, summary, totals, gaps, damaged } = await product.ledger()
        expect(gaps).toEqual([])
        expect(balanced).toBe(false)
        expect(totals.damaged).toEqual(expected)
        expect(totals.damaged).toBeGreaterThan(0)
        expect(totals.stored + totals.damaged).toBe(ORDERS)
        expect(damaged.reduce((total, { from, to }) => total + to - from, 0)).toBe(totals.damaged)
        expect(summary).toContain(`${totals.damaged} records were damaged in the log, at `)
        let stored = 0
        for (const id of ids) {
          const { body } = await product.ask(`/api/orders/${id}`)
          if (body['status'] !== 'stored') continue
          stored += 1
          expect(body['shippingAddress']).toBe(`${Number(body['customerId'])} Harbour Street`)
        }
        expect(stored).toBe(totals.stored)
        const { body } = await product.operate('/api/ops/doctor')
        expect(body['checks']).toContainEqual({
          name: 'records',
          well: false,
          detail: expect.stringContaining(`${totals.damaged} are damaged, at orders `) as string,
        })
        const { text } = await product.operate('/api/metrics')
        expect(text).toContain(`orders_ledger_records{outcome="damaged"} ${totals.damaged}`)
        expect(text).toContain(`orders_passed_over_total{messaging_destination_name="orders"} ${totals.damaged}`)
        expect(eventsOf(product.log)).toContain('delivery:passed-over')
        expect(eventsOf(product.log)).not.toContain('delivery:unreadable')
        expect(product.log).toMatch(/The log is damaged at orders \d:\d+.*"Damage in the log/)
        await vi.waitFor(async () => expect(await withCause()).toBe(ORDERS - totals.stored), WITHIN)

        await product.operate('/api/ops/rebuild', { method: 'POST', body: { reason: 'After the damage.' } })
        const done = { rebuild: { state: 'done', records: totals.stored } }
        await vi.waitFor(
          async () => expect((await product.operate('/api/ops/rebuild')).body).toMatchObject(done),
          WITHIN,
        )
        // The operator resets the ledger.
        await product.operate('/api/ops/ledger/reset', { method: 'POST', body: { reason: 'The senders were told.' } })
        expect(await product.ledger()).toMatchObject({
          balanced: true,
          damaged: [],
          totals: { damaged: 0, gaps: 0, stored: totals.stored, absent: ORDERS - totals.stored },
        })
        // A second epoch gives the same result, because each starts from scratch.
        const again = { reason: 'Once more.', force: true }
        await product.operate('/api/ops/ledger/reset', { method: 'POST', body: again })
        expect(await product.ledger()).toMatchObject({ balanced: true, totals: { absent: ORDERS - totals.stored } })
        await product.stop()
        await product.start()
        await vi.waitFor(async () => expect(await withCause()).toBe(ORDERS - totals.stored), WITHIN)
      } finally {
        await product.stop()
      }
    },
    360_000,
  )

  test('in a retry topic is reported, and a reset stores the order from its own record', async () => {
    const directory = temporaryDirectory()
    const settings = { FAULTS: 'on', RETRY_DELAYS: '20m', LOG_LEVEL: 'warn' }
    const product = createProduct(join(directory, 'data'), settings)
    const statusOf = async (id: unknown) => (await product.ask(`/api/orders/${String(id)}`)).body['status']
    await product.start()
    await product.breaks({ throwForCustomers: [1000] })
    const { body } = await product.ask('/api/orders', { method: 'POST', body: orderOf(0) })
    await vi.waitFor(async () => expect(await statusOf(body['orderId'])).toBe('retrying'), { timeout: 60_000 })
    expect(await product.stop()).toBe(0)
    damageCopies(join(product.dataDir, 'log.db'), 'orders-retry-1')
    await product.start()
    try {
      const counted = 'orders_passed_over_total{messaging_destination_name="orders-retry-1"} 1'
      await vi.waitFor(async () => expect((await product.operate('/api/metrics')).text).toContain(counted), {
        timeout: 60_000,
      })
      expect(eventsOf(product.log)).toContain('delivery:passed-over')
      expect(await product.ledger()).toMatchObject({ balanced: true, damaged: [] })
      expect(await statusOf(body['orderId'])).toBe('retrying')
      const reset = { method: 'POST', body: { reason: 'A copy was damaged.', force: true } }
      await product.operate('/api/ops/ledger/reset', reset)
      await vi.waitFor(async () => expect(await statusOf(body['orderId'])).toBe('stored'), { timeout: 60_000 })
      expect(await product.ledger()).toMatchObject({ balanced: true })
    } finally {
      await product.stop()
    }
  }, 360_000)
})

/** The names of the events that the product logged, one for each line. */
function eventsOf(output: string): string[] {
  return [...output.matchAll(/"event":"([^"]+)"/g)].map(([, event = '']) => event)
}

/** Changes the value of the only record in the topic. */
function damageCopies(file: string, topic: string): void {
  using db = new DatabaseSync(file)
  const ids = db.prepare('SELECT id FROM partitions WHERE topic = ?').all(topic)
  const changed = ids.map(({ id }) => db.prepare(`UPDATE partition_${Number(id)} SET value = x'00'`).run().changes)
  expect(changed.reduce<number>((total, changes) => total + Number(changes), 0)).toBe(1)
}

function orderOf(n: number) {
  return { ...ORIGINAL_BODY, customerId: 1000 + n, shippingAddress: `${1000 + n} Harbour Street` }
}

/**
 * Flips a bit in every copy of one address in sixty: pages that SQLite has split keep old copies in their free space.
 */
function flipAddresses(file: string): void {
  const content = readFileSync(file)
  for (let n = 1000; n < 2200; n += 60) {
    const address = `${n} Harbour Street`
    let copies = 0
    for (let at = content.indexOf(address); at >= 0; at = content.indexOf(address, at)) {
      content.writeUInt8(content.readUInt8(at + 3) ^ 1, at + 3)
      copies += 1
    }
    expect(copies).toBeGreaterThan(0)
  }
  writeFileSync(file, content)
}
