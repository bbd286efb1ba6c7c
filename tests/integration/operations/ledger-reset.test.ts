import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openServices, type Services } from '../../../shared/composition-root.ts'
import { readConfig } from '../../../shared/settings/config.ts'
import type { RecordToPublish } from '../../../shared/ports/event-log.ts'
import { messageOf } from '../../support/orders/orders.ts'
import { consumeToEnd } from '../../support/consume-to-end.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const ACT = { operator: 'sam', verified: false, at: '2026-01-01T00:00:00.000Z', reason: 'The topic was made anew.' }
const CONFIG = { ORDERS_PARTITIONS: '1', LOG_LEVEL: 'silent' }

let directory: string
let all: Services

const open = () => openServices(readConfig({ ...CONFIG, DATA_DIR: directory }, 'embedded'))
beforeEach(async () => {
  directory = temporaryDirectory()
  all = await open()
})
afterEach(() => all[Symbol.asyncDispose]())

/** Publishes to the orders topic, and delivers and commits everything. */
async function publishAndStore(records: readonly RecordToPublish[]): Promise<void> {
  await all.log.publish('orders', records)
  await consumeToEnd(all.log, 'orders', all.topics.group, all.storeOrders)
}

async function makeTheLogAnew(): Promise<void> {
  await all[Symbol.asyncDispose]()
  for (const file of readdirSync(directory).filter((name) => name.startsWith('log.db'))) rmSync(join(directory, file))
  all = await open()
}

test('a recreated log is counted from its beginning, including the records already read', async () => {
  const first = [messageOf(), { ...messageOf(), value: '{}' }, messageOf(), messageOf()]
  await publishAndStore(first)
  expect(await all.ledgerVerdict()).toMatchObject({ balanced: true, totals: { stored: 3, parked: 1 } })
  await expect(all.resetLedger(ACT, false)).rejects.toMatchObject({ code: 'conflict' })

  await makeTheLogAnew()
  await publishAndStore([messageOf(), first[0]!])
  const broken = await all.ledgerVerdict()
  expect(broken).toMatchObject({ balanced: false, summary: expect.stringContaining('recreated') })

  expect(await all.resetLedger(ACT, false)).toEqual({ processed: 2, more: false, why: null })
  // The order from the earlier log that arrived again is recognised by its id.
  expect(await all.ledgerVerdict()).toMatchObject({ balanced: true, totals: { stored: 1, duplicate: 1, parked: 0 } })
  expect((await all.views.list({ limit: 10 })).items).toHaveLength(4)
  expect((await all.redriveTasks.audit({ limit: 2 })).items).toEqual([
    { at: ACT.at, action: 'repair-ledger', target: 'orders', operator: 'sam', verified: false, reason: ACT.reason },
    { at: ACT.at, action: 'reset-ledger', target: 'orders', operator: 'sam', verified: false, reason: ACT.reason },
  ])

  await publishAndStore([messageOf()])
  expect(await all.ledgerVerdict()).toMatchObject({ balanced: true, totals: { records: 3, stored: 2 } })
})

test('skipped records are repaired once by the processor itself, and reported', async () => {
  const records = Array.from({ length: 4 }, () => messageOf())
  await all.log.publish('orders', records)
  const told: unknown[] = []
  all.events.on('ledger:repaired', (repair) => told.push(repair))
  // This is how the extension drops a batch: the next success in the partition commits past it.
  await all.storeOrders((await all.log.read('orders', 0, 3, 1)).map((record) => ({ ...record, lossy: false })))
  await all.ledgerWatch.look()
  expect(await all.ledgerVerdict()).toMatchObject({ balanced: false, totals: { gaps: 3 } })
  expect(told).toEqual([])
  await all.ledgerWatch.look()
  expect(await all.ledgerVerdict()).toMatchObject({ balanced: true, totals: { stored: 4, gaps: 0 } })
  await all.ledgerWatch.look()
  expect(told).toEqual([{ processed: 3, places: ['0:0', '0:1', '0:2'], why: null }])
  expect((await all.redriveTasks.audit({ limit: 9 })).items).toMatchObject([
    { action: 'repair-ledger', target: 'orders', operator: 'processor', verified: true },
  ])
  expect(await all.metrics.scrape()).toContain('orders_ledger_repaired_total 3')
})

test('only one of several instances repairs', async () => {
  await all.log.publish('orders', [messageOf(), messageOf()])
  await all.storeOrders((await all.log.read('orders', 0, 1, 1)).map((record) => ({ ...record, lossy: false })))
  const lease = { groupId: all.topics.group, topic: 'orders', owner: 'another', nowMs: Date.now(), leaseMs: 60_000 }
  expect(await all.maintenance.beginRepair(lease, ACT)).toBe(true)
  for (let times = 0; times < 3; times++) await all.ledgerWatch.look()
  expect(await all.ledgerVerdict()).toMatchObject({ balanced: false, totals: { gaps: 1 } })
  await all.maintenance.endRepair(all.topics.group, 'another')
  await all.ledgerWatch.look()
  expect(await all.ledgerVerdict()).toMatchObject({ balanced: true })
})
