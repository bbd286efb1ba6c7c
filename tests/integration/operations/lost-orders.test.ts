import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openServices, type Services } from '../../../shared/composition-root.ts'
import { unseenOrder } from '../../../shared/http/orders.ts'
import { readConfig } from '../../../shared/settings/config.ts'
import { consumeToEnd } from '../../support/consume-to-end.ts'
import { messageOf } from '../../support/orders/orders.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const ACT = { operator: 'sam', verified: false, at: '2026-01-01T00:00:00.000Z', reason: 'It was never an order.' }
const CONFIG = { ORDERS_PARTITIONS: '1', LOG_LEVEL: 'silent' }
const AN_HOUR_MS = 3_600_000

let directory: string
let all: Services

const open = () => openServices(readConfig({ ...CONFIG, DATA_DIR: directory }, 'embedded'))
beforeEach(async () => {
  directory = temporaryDirectory()
  all = await open()
})
afterEach(() => all[Symbol.asyncDispose]())

/** Opens everything again, so that nothing is answered from an earlier check of the ledger. */
async function reopen(): Promise<void> {
  await all[Symbol.asyncDispose]()
  all = await open()
}

async function expectCause(orderId: string, status: string, code: string): Promise<void> {
  const view = () => unseenOrder(orderId, all.orderIds, all.whyUnseen)
  await vi.waitFor(() => expect(view()).toMatchObject({ status, cause: { code } }), { timeout: 10_000 })
}

test('an order is not lost while a dead letter without an order id is open, because the letter may be its record', async () => {
  const orderId = all.orderIds.next(Date.now() - AN_HOUR_MS)
  const unreadable = { ...messageOf(), key: 'no id', headers: [] }
  await all.log.publish(all.topics.orders, [messageOf(), unreadable])
  await consumeToEnd(all.log, all.topics.orders, all.topics.group, all.storeOrders)
  const loss = { topic: all.topics.orders, partition: 0, from: 2, to: 5, lostBy: 'log-start' as const }
  await all.ledger.settle(all.topics.group, [loss])
  await all.log.publish(all.topics.orders, [messageOf(), messageOf(), messageOf()])

  // The letter is in its topic, but the store does not have it yet.
  await expectCause(orderId, 'accepted', 'record-missing')

  await consumeToEnd(all.log, all.topics.deadLetters, all.topics.deadLetterGroup, all.keepDeadLetters)
  const { items } = await all.deadLetters.list({ limit: 2 })
  expect(items).toMatchObject([{ orderId: null, state: 'dead' }])
  await reopen()
  await expectCause(orderId, 'accepted', 'record-missing')

  await all.redriveTasks.discard(items[0]!.id, ACT)
  await reopen()
  await expectCause(orderId, 'lost', 'record-lost')
})
