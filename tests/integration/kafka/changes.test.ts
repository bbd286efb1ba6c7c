import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { ChangeView } from '../../../shared/domain/changes/change-view.ts'
import { toOrderContent, type OrderView } from '../../../shared/domain/order-view.ts'
import { openKafkaLog, skipsKafka, startTestBroker } from '../../support/kafka/kafka-broker.ts'
import { createKafkaHosts, type KafkaHosts } from '../../support/kafka/kafka-hosts.ts'
import { recordsOf } from '../../support/kafka/kafka-traffic.ts'
import { createChangeTraffic, UNLUCKY_CUSTOMER } from '../../support/orders/change-traffic.ts'
import { deadLetters, redriveAll } from '../../support/orders/dead-letters.ts'
import { foldOfLog, type FoldOfLog } from '../../support/orders/fold-of-log.ts'
import { storedOrders } from '../../support/orders/order-traffic.ts'
import { pagesOf, type Product } from '../../support/product/product.ts'
import { createRandom, seedOfThisRun } from '../../support/random.ts'

const CALLERS = 8
const FAULTS = { throwForCustomers: [UNLUCKY_CUSTOMER] }

describe.skipIf(skipsKafka)('changes to orders on a real Kafka', () => {
  test(
    'take effect in the order of the log, whatever fails, is killed, redriven or discarded',
    { timeout: 300_000 },
    async () => {
      const random = createRandom(seedOfThisRun())
      await using broker = await startTestBroker()
      const { log } = openKafkaLog([broker.address])
      await using _ = log
      await using hosts = createKafkaHosts({
        KAFKA_BROKERS: broker.address,
        KAFKA_REPLICATION: '1',
        ORDERS_PARTITIONS: '3',
        ORDER_ID_SECRET: 'a secret for tests only',
        FAULTS: 'on',
        RETRY_DELAYS: '500ms,1s',
      })
      const traffic = createChangeTraffic(() => random.pick(hosts.running), log)
      async function killOne(): Promise<void> {
        await hosts.kill(random.pick(hosts.running))
        await (await hosts.add()).breaks(FAULTS)
      }
      async function restartBroker(): Promise<void> {
        await broker.kill()
        await sleep(random.whole(200, 1500))
        await broker.start()
      }
      try {
        for (let host = 0; host < 2; host += 1) await (await hosts.add()).breaks(FAULTS)
        const over = new AbortController()
        const callers = Array.from({ length: CALLERS }, () =>
          traffic.call(createRandom(random.whole(0, 2 ** 31)), over.signal),
        )
        for (const breakOne of [killOne, restartBroker]) {
          await sleep(random.whole(1500, 3000))
          await breakOne()
        }
        await sleep(2000)
        over.abort()
        await Promise.all(callers)
        // The faults last until all records are delivered, because a group may rejoin only after the traffic ends.
        await oneOf(hosts).settled()

        // The store accepts all orders again. Unreadable records stay dead, and the changes after them wait.
        await Promise.all(hosts.running.map((host) => host.breaks({})))
        await oneOf(hosts).settled()
        const redriven = await redriveAll(oneOf(hosts))
        await oneOf(hosts).settled()
        const before = await recordsOf(log, 'orders')
        const whileDead = foldOfLog(before)
        await expectFold(oneOf(hosts), whileDead)

        // Nothing is sent until all letters are discarded, so every event that waits behind one of them is before these
        // offsets.
        const discardedAt = new Map(before.map(({ partition, offset }) => [partition, offset + 1]))
        const unreadable = await deadLetters(oneOf(hosts))
        for (const [index, { id }] of unreadable.entries()) {
          if (index === 1) await killOne()
          const act = { method: 'POST', body: { reason: 'It cannot be read.' } }
          await random.pick(hosts.running).operate(`/api/dead-letters/${id}/discard`, act)
        }
        await Promise.all(hosts.running.map((host) => host.breaks({})))
        for (const orderId of traffic.orderIds) await traffic.change(random, orderId)
        await oneOf(hosts).settled()
        const fold = foldOfLog(await recordsOf(log, 'orders'), discardedAt)
        await expectFold(oneOf(hosts), fold)

        const logged = new Set([...fold.changes.values()].flatMap((changes) => [...changes.keys()]))
        expect([...traffic.accepted].filter((changeId) => !logged.has(changeId))).toEqual([])
        const counts = { ...countsOf(whileDead), ...countsOf(fold) }
        console.log(`${fold.orders.size} orders, ${redriven} redriven, ${unreadable.length} discarded`, counts)
        // If this fails, too little happened to prove anything.
        expect(redriven).toBeGreaterThan(0)
        const kinds = ['waiting', 'version-conflict', 'order-cancelled', 'earlier-change-discarded', 'order-discarded']
        expect(Object.keys(counts)).toEqual(expect.arrayContaining(['2', '3', ...kinds]))
        for (const host of hosts.running) expect(await hosts.stop(host)).toBe(0)
      } catch (error) {
        console.error(`The hosts' most recent output:\n${hosts.output()}`)
        throw error
      }
    },
  )
})

/** Expects the store to agree with the log on each order's state, each change's fate, and how many changes wait. */
async function expectFold(product: Product, { orders, changes }: FoldOfLog): Promise<void> {
  const stored = await storedOrders(product)
  expect(new Set(stored.keys())).toEqual(new Set(orders.keys()))
  for (const [orderId, { version, content, cancellation }] of orders) {
    const { at, reason } = cancellation ?? {}
    const expected = { status: at === undefined ? 'stored' : 'cancelled', version, ...toOrderContent(content) }
    const order = stored.get(orderId) as OrderView
    expect(order).toMatchObject(expected)
    expect([order.cancelledAt, order.cancellationReason], orderId).toEqual([at, reason])
  }
  let waiting = 0
  for (const [orderId, expected] of changes) {
    const views = await pagesOf<ChangeView>(product, `/api/orders/${orderId}/changes`)
    const outcomes = views.map(({ changeId, status, version, cause }) => {
      const isRejected = status === 'rejected'
      return [changeId, version ?? (isRejected ? cause?.code : status)] as const
    })
    expect(outcomes, orderId).toEqual([...expected])
    for (const { status, behind } of views) expect(behind !== undefined).toBe(status === 'waiting')
    waiting += views.filter(({ status }) => status === 'waiting').length
  }
  expect(await product.ledger()).toMatchObject({ balanced: true, gaps: [], waiting, totals: { toCome: 0 } })
}

function countsOf({ changes }: FoldOfLog): Record<string, number> {
  const outcomes = [...changes.values()].flatMap((ofOrder) => [...ofOrder.values()])
  const grouped = Map.groupBy(outcomes, String)
  return Object.fromEntries([...grouped].map(([outcome, all]) => [outcome, all.length]))
}

function oneOf({ running }: KafkaHosts): Product {
  const [host] = running
  if (host === undefined) throw new Error('No host runs.')
  return host
}
