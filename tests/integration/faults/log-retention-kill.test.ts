import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { createEmbeddedLog } from '../../../shared/adapters/embedded/embedded-log.ts'
import { readAll } from '../../contract/log/log-steps.ts'
import { messageOf, newOrder, ORIGINAL_BODY, testOrderIds } from '../../support/orders/orders.ts'
import { createProduct } from '../../support/product/product.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const OLD_ORDERS = 10_000
const AT_ONCE = 500
const PARTITIONS = 3
const OLD_MS = Date.UTC(2026, 0, 1)
const KILLS = 8

/** Writes orders that are older than the retention period allows, as in a log that is opened after a long pause. */
async function writeOldLog(directory: string): Promise<void> {
  await using log = await createEmbeddedLog({ directory })
  await log.ensureTopics([{ name: 'orders', partitions: PARTITIONS, replication: 1, config: {} }])
  for (let n = 0; n < OLD_ORDERS; n += AT_ONCE) {
    const acceptedAt = new Date(OLD_MS + n).toISOString()
    const records = Array.from({ length: AT_ONCE }, (_, i) => ({
      ...messageOf(newOrder({ orderId: testOrderIds.next(OLD_MS + n + i), acceptedAt })),
      timestamp: OLD_MS + n + i,
    }))
    await log.publish('orders', records)
  }
}

/** Checks the log of a process that was killed. Resolves with the number of records that are left. */
async function verify(directory: string): Promise<number> {
  await using log = await createEmbeddedLog({ directory })
  await log.ensureTopics([])
  const records = await readAll(log, 'orders')
  const offsets = await log.offsets('orders')
  // No offset is missing between the first offset and the end.
  expect(records).toHaveLength(offsets.reduce((total, { first, end }) => total + end - first, 0))
  expect(await log.inspect()).toMatchObject([{ well: true }])
  return records.length
}

test('If the product is killed while it removes old records, it loses no record that it accepted, old or new', async () => {
  const directory = join(temporaryDirectory(), 'data')
  await writeOldLog(directory)
  const product = createProduct(directory, { LOG_RETENTION: '90d', ORDERS_PARTITIONS: `${PARTITIONS}` })
  const accepted = new Map<string, string>()
  const place = async () => {
    const { status, body } = await product.ask('/api/orders', { method: 'POST', body: ORIGINAL_BODY })
    if (status === 202) accepted.set(String(body['orderId']), 'accepted')
  }

  // Records are removed from the log only after they have been counted. So the first process removes none of these
  // orders, and later processes remove them as soon as they start.
  await product.start()
  await product.settled()
  await product.kill()

  const left: number[] = []
  for (let kills = 0; kills < KILLS; kills += 1) {
    await product.start()
    await Promise.all(Array.from({ length: 5 }, place))
    await product.kill()
    left.push(await verify(directory))
  }
  // At least one kill happened while records were being removed.
  expect(left.filter((records) => records > accepted.size && records < OLD_ORDERS).length).toBeGreaterThan(0)

  await product.start()
  try {
    await place()
    await product.settled()
    const expired = async () => (await product.ledger()).totals.expired
    await vi.waitFor(async () => expect(await expired()).toBe(OLD_ORDERS), { timeout: 120_000, interval: 200 })
    const { balanced, totals, lost, gaps } = await product.ledger()
    expect({ balanced, lost, gaps }).toEqual({ balanced: true, lost: [], gaps: [] })
    expect(totals).toMatchObject({ records: OLD_ORDERS + accepted.size, stored: OLD_ORDERS + accepted.size })
    for (const orderId of accepted.keys()) {
      expect((await product.ask(`/api/orders/${orderId}`)).body).toMatchObject({ status: 'stored' })
    }
  } finally {
    await product.stop()
  }
}, 300_000)
