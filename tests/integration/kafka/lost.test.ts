import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import kafkajs from 'kafkajs'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { LedgerLoss } from '../../../shared/ports/ledger.ts'
import { brokerForTests } from '../../support/kafka/broker-for-tests.ts'
import { skipsKafka } from '../../support/kafka/kafka-broker.ts'
import { kafkaOf, openKafkaServices, withAdmin, type KafkaServices } from '../../support/kafka/kafka-services.ts'
import { unseenOrder } from '../../../shared/http/orders.ts'
import { messageOf, newOrder } from '../../support/orders/orders.ts'

/** A broker that deletes expired segments quickly. */
const PROPERTIES = {
  'log.retention.check.interval.ms': '200',
  'log.segment.delete.delay.ms': '100',
  'log.initial.task.delay.ms': '200',
  'log.cleaner.backoff.ms': '200',
  'log.cleaner.min.cleanable.ratio': '0.01',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
}
const PATIENCE = { timeout: 60_000, interval: 200 }
const HOUR_MS = 3_600_000

describe.skipIf(skipsKafka)('records that leave the log', { timeout: 120_000 }, () => {
  const broker = brokerForTests({ properties: PROPERTIES })

  async function open(settings?: Record<string, string>): Promise<KafkaServices & { lost: LedgerLoss[] }> {
    const services = await openKafkaServices(broker, settings)
    onTestFinished(() => services[Symbol.asyncDispose]())
    const lost: LedgerLoss[] = []
    services.all.events.on('ledger:lost', (loss) => lost.push(loss))
    return Object.assign(services, { lost })
  }

  function publish({ all, topic }: KafkaServices, count: number, timestamp = Date.now()) {
    return all.log.publish(
      topic,
      Array.from({ length: count }, () => ({ ...messageOf(), timestamp })),
    )
  }

  async function configure(topic: string, config: Record<string, string>): Promise<void> {
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
    const resource = { type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configEntries }
    await withAdmin(broker, (admin) => admin.alterConfigs({ validateOnly: false, resources: [resource] }))
  }

  async function deleteBefore(topic: string, offset: number): Promise<void> {
    await withAdmin(broker, async (admin) => {
      await admin.fetchTopicOffsets(topic) // Otherwise the client does not know the leader.
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(offset) }] })
    })
  }

  async function startOf({ all, topic }: KafkaServices): Promise<number> {
    const [place] = await all.log.offsets(topic)
    return place?.first ?? 0
  }

  test('before they were counted are lost, whoever deleted them: listed, reported once, in metric and doctor, until a reset', async () => {
    const services = await open()
    const { all, topic, lost } = services
    await publish(services, 10)
    await services.consume()
    const event = newOrder()
    await all.log.publish(topic, [messageOf(event)])
    await publish(services, 19)
    await deleteBefore(topic, 20)

    const range = { topic, partition: 0, from: 10, to: 20, lostBy: 'log-start' }
    const sentence = `Not balanced: 10 offsets are lost: they left the log before they were counted, at ${topic} 0:10–19.`
    expect(await all.ledgerVerdict()).toMatchObject({
      balanced: false,
      summary: sentence,
      lost: [range],
      totals: { records: 30, stored: 10, lost: 10, gaps: 0, toCome: 10 },
    })
    await all.ledgerWatch.look()
    await all.ledgerWatch.look()
    expect(lost).toEqual([range])

    await services.consume()
    await all.ledgerWatch.look()
    expect(await all.ledgerVerdict()).toMatchObject({
      balanced: false,
      summary: sentence,
      totals: { records: 30, stored: 20, lost: 10, gaps: 0, absent: 0, toCome: 0 },
    })
    expect(lost).toHaveLength(1)
    expect(await all.metrics.scrape()).toMatch(/^orders_ledger_records\{outcome="lost"\} 10$/m)
    expect((await all.doctor()).checks).toContainEqual({ name: 'ledger', well: false, detail: sentence })
    expect(
      await all.repairLedger({ operator: 'sam', verified: false, at: '2026-01-01T00:00:00.000Z', reason: null }),
    ).toEqual({ processed: 0, more: false, why: null })

    const act = { operator: 'sam', verified: false, at: new Date().toISOString(), reason: 'Looked into.' }
    await all.resetLedger(act, false)
    expect(await all.ledgerVerdict()).toMatchObject({ balanced: true, totals: { records: 10, lost: 0 } })
  })

  test('while the consumer was down for longer than the retention period are lost, and their orders say so, also after a reset', async () => {
    const services = await open()
    const { topic, lost } = services
    await configure(topic, { 'retention.ms': String(2 * HOUR_MS) })
    const place = async (timestamp: number) => {
      const orderId = services.all.orderIds.next(timestamp)
      await services.all.log.publish(topic, [{ ...messageOf(newOrder({ orderId })), timestamp }])
      return orderId
    }
    const doctor = async (name: string) => (await services.all.doctor()).checks.find((check) => check.name === name)
    const stored = [await place(Date.now()), await place(Date.now())]
    await services.consume()

    // The consumer is down. At first there is only a warning.
    const accepted = Date.now() - 1.5 * HOUR_MS
    const missing = [await place(accepted), await place(accepted + 1), await place(accepted + 2)]
    const warning = { well: false, detail: expect.stringContaining(`${topic} 0:2 (75 % of its life)`) }
    expect(await doctor('retention')).toMatchObject(warning)
    await configure(topic, { 'retention.ms': '1000', 'segment.ms': '500' })
    await vi.waitFor(async () => expect(await startOf(services)).toBe(5), PATIENCE)
    await configure(topic, { 'retention.ms': '-1' })

    stored.push(await place(Date.now()))
    await services.consume()
    await services.all.ledgerWatch.look()
    await services.all.ledgerWatch.look()
    const range = { topic, partition: 0, from: 2, to: 5, lostBy: 'log-start' }
    expect(lost).toEqual([range])
    expect(await services.all.ledgerVerdict()).toMatchObject({ balanced: false, lost: [range], totals: { lost: 3 } })
    const metrics = await services.all.metrics.scrape()
    expect(metrics).toMatch(/^orders_ledger_records\{outcome="lost"\} 3$/m)
    expect(metrics).toMatch(/^orders_ledger_balanced 0$/m)
    const where = `left the log before they were counted, at ${topic} 0:2–4.`
    expect(await doctor('ledger')).toMatchObject({ well: false, detail: expect.stringContaining(where) })

    const view = async (orderId: string) =>
      (await services.all.views.get(orderId)) ?? unseenOrder(orderId, services.all.orderIds, services.all.whyUnseen)
    async function expectLost(detail: string): Promise<void> {
      const expected = { status: 'lost', cause: { code: 'record-lost', detail: expect.stringContaining(detail) } }
      await vi.waitFor(async () => {
        const views = await Promise.all(missing.map(view))
        expect(views).toMatchObject(missing.map(() => expected))
      }, PATIENCE)
      for (const orderId of stored) expect(await view(orderId)).toMatchObject({ status: 'stored' })
    }
    await expectLost(where)

    const act = { operator: 'sam', verified: false, at: new Date().toISOString(), reason: 'Placed again by the shop.' }
    await services.all.resetLedger(act, false)
    expect(await services.all.ledgerVerdict()).toMatchObject({ balanced: true, totals: { lost: 0 } })
    await services.reopen()
    await expectLost('left the log before the ledger began')
  })

  test('by retention are lost, even if their partition was never counted before', async () => {
    const services = await open()
    await services.all.ledgerWatch.look()
    await configure(services.topic, { 'retention.ms': '1000', 'segment.ms': '500' })
    await publish(services, 5, Date.now() - HOUR_MS)
    await vi.waitFor(async () => expect(await startOf(services)).toBe(5), PATIENCE)
    await configure(services.topic, { 'retention.ms': '-1' })
    await publish(services, 3)
    await services.consume()
    expect(await services.all.ledgerVerdict()).toMatchObject({
      balanced: false,
      lost: [{ from: 0, to: 5, lostBy: 'log-start' }],
      totals: { stored: 3, lost: 5 },
    })
  })

  test('by retention after they were counted have expired, and the ledger tells them from later ones that are lost', async () => {
    const services = await open()
    const { all, topic } = services
    await configure(topic, { 'segment.ms': '500' })
    await publish(services, 7, Date.now() - 2 * HOUR_MS)
    await services.consume()
    expect(await all.ledgerVerdict()).toMatchObject({ balanced: true, totals: { stored: 7, expired: 0 } })
    await configure(topic, { 'segment.ms': '500', 'retention.ms': String(HOUR_MS) })
    await vi.waitFor(async () => expect(await startOf(services)).toBe(7), PATIENCE)
    await publish(services, 3)
    await services.consume()
    await all.ledgerWatch.look()
    expect(await all.ledgerVerdict()).toMatchObject({
      balanced: true,
      summary: expect.stringMatching(/ 0 still to come\. 7 of the counted offsets have since left the log\.$/),
      totals: { records: 10, stored: 10, expired: 7, lost: 0, gaps: 0 },
    })
    expect(await all.metrics.scrape()).toMatch(/^orders_ledger_expired 7$/m)
    const act = { operator: 'sam', verified: false, at: new Date().toISOString(), reason: 'It is in the way.' }
    await expect(all.takeOut({ topic, partition: 0, offset: 6 }, act)).rejects.toMatchObject({
      code: 'not-found',
      message: `${topic}:0:6 has left the log, which begins at 7 now.`,
    })

    await publish(services, 4)
    await deleteBefore(topic, 12)
    await services.consume()
    await all.ledgerWatch.look()
    expect(await all.ledgerVerdict()).toMatchObject({
      balanced: false,
      lost: [{ from: 10, to: 12, lostBy: 'log-start' }],
      totals: { records: 14, stored: 12, expired: 10, lost: 2 },
    })
  })

  test('are missed by no rebuild: it keeps their orders, and stores again what the store has lost of the rest', async () => {
    const services = await open()
    const { all, topic } = services
    await publish(services, 6)
    await services.consume()
    const before = (await all.views.list({ limit: 10 })).items
    await deleteBefore(topic, 3)
    const rebuilt = async () => {
      await all.rebuildOrders.start({ operator: 'sam', verified: false, at: new Date().toISOString(), reason: null })
      await vi.waitFor(async () => expect((await all.maintenance.getRebuild())?.state).not.toBe('running'), PATIENCE)
      return all.maintenance.getRebuild()
    }
    const figures = { state: 'done', records: 3, projected: 3, kept: 3, expired: 3 }
    expect(await rebuilt()).toMatchObject({ ...figures, restored: 0 })
    expect((await all.views.list({ limit: 10 })).items).toEqual(before)

    const file = new DatabaseSync(join(all.config.dataDir, 'orders.db'), { timeout: 2000 })
    file.exec('DELETE FROM order_items WHERE order_seq = 5; DELETE FROM orders WHERE seq = 5')
    file.close()
    expect(await rebuilt()).toMatchObject({ ...figures, restored: 1 })
    const ids = (items: typeof before) => items.map(({ orderId }) => orderId).toSorted()
    expect(ids((await all.views.list({ limit: 10 })).items)).toEqual(ids(before))
  })

  test('by size are lost', async () => {
    const services = await open()
    await services.all.ledgerWatch.look()
    await configure(services.topic, { 'retention.bytes': '1', 'segment.ms': '300' })
    await publish(services, 5)
    await vi.waitFor(async () => {
      // A segment is rolled only by the first write after `segment.ms` has elapsed.
      await publish(services, 1)
      expect(await startOf(services)).toBeGreaterThanOrEqual(5)
    }, PATIENCE)
    await services.all.ledgerWatch.look()
    expect(services.lost[0]).toMatchObject({ from: 0, lostBy: 'log-start' })
  })

  test('are not lost when they were transaction markers or aborted, because that was seen in time', async () => {
    const services = await open()
    const { all, topic, lost } = services
    const producer = kafkaOf(broker).producer({
      transactionalId: randomUUID(),
      idempotent: true,
      maxInFlightRequests: 1,
    })
    await producer.connect()
    const send = async (end: 'commit' | 'abort') => {
      const transaction = await producer.transaction()
      const { key, value, headers } = messageOf()
      const named = Object.fromEntries(headers.map(([name, header]) => [name, String(header)]))
      await transaction.send({ topic, messages: [{ key: String(key), value: String(value), headers: named }] })
      await transaction[end]()
    }
    for (const end of ['commit', 'abort', 'commit', 'commit'] as const) await send(end)
    await producer.disconnect()
    await publish(services, 1)
    await services.consume()
    await all.ledgerWatch.look()
    // Four markers and the aborted record are absent.
    const settled = { balanced: true, lost: [], totals: { records: 4, stored: 4, absent: 5, gaps: 0 } }
    expect(await all.ledgerVerdict()).toMatchObject(settled)

    await deleteBefore(topic, 9)
    await services.reopen()
    await services.all.ledgerWatch.look()
    expect(await services.all.ledgerVerdict()).toMatchObject(settled)
    expect(lost).toEqual([])
  })

  test('by compaction leave a hole that is not taken for a marker', async () => {
    const services = await open()
    const { all, topic } = services
    await all.ledgerWatch.look()
    await configure(topic, { 'cleanup.policy': 'compact', 'segment.ms': '200', 'min.cleanable.dirty.ratio': '0.01' })
    const event = newOrder()
    const records = [messageOf(), messageOf(event), messageOf(event), messageOf()]
    await all.log.publish(
      topic,
      records.map((record) => ({ ...record, timestamp: Date.now() })),
    )
    await vi.waitFor(async () => {
      // A segment is compacted once the next has begun.
      await publish(services, 1)
      expect((await all.log.read(topic, 0, 0, 3)).map(({ offset }) => offset)).toEqual([0, 2, 3])
    }, PATIENCE)
    await services.consume()
    await all.ledgerWatch.look()
    expect(await all.ledgerVerdict()).toMatchObject({
      balanced: false,
      summary: expect.stringContaining(`they are missing from the log`),
      lost: [{ from: 1, to: 2, lostBy: 'hole' }],
    })
    expect((await all.doctor()).checks.find(({ name }) => name === 'topic-settings')).toMatchObject({
      well: false,
      detail: expect.stringContaining(`cleanup.policy is compact, not delete, for ${topic}:`),
    })
  })

  test('before a group reached the topic do not count for it', async () => {
    const first = await open()
    await publish(first, 10)
    await deleteBefore(first.topic, 6)
    const later = await open({ ORDERS_TOPIC: first.topic, ORDERS_CONSUMER_GROUP: `late-${randomUUID()}` })
    await later.consume()
    expect(await later.all.ledgerVerdict()).toMatchObject({
      balanced: true,
      totals: { records: 4, stored: 4, lost: 0 },
    })
  })

  test('sooner than before do so once LOG_RETENTION is set and migrated to, but not while an older one waits', async () => {
    const forever = await open()
    const { topic } = forever
    await configure(topic, { 'retention.ms': '-1' })
    await publish(forever, 1, Date.now() - 48 * HOUR_MS)
    const bounded = await open({ ORDERS_TOPIC: topic, LOG_RETENTION: '36h' })
    const { all } = bounded
    const told = async () => (await all.doctor()).checks.find(({ name }) => name === 'topic-settings')?.detail
    const [before, after] = ['-1', '129600000']
    expect(await told()).toContain(
      `retention.ms is -1, not ${after}, for ${topic}, ${topic}-retry-1, ${topic}-dlt: records stay in the log forever instead of 1.5 days`,
    )
    await expect(all.migrate()).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(`would be lost: ${topic} 0:0.`),
    })
    await bounded.consume()
    const changes = [topic, `${topic}-retry-1`, `${topic}-dlt`].map((name) => ({
      topic: name,
      setting: 'retention.ms',
      before,
      after,
    }))
    expect((await all.migrate()).topics).toEqual(changes)
    await vi.waitFor(async () => expect(await told()).not.toContain('retention.ms'), PATIENCE)
    expect((await all.migrate()).topics).toEqual([])
  })

  test('soon are reported while there is time, by age and by size', async () => {
    const byAge = await open()
    await configure(byAge.topic, { 'retention.ms': String(2 * HOUR_MS) })
    await publish(byAge, 1, Date.now() - 1.5 * HOUR_MS)
    const bySize = await open()
    await configure(bySize.topic, { 'retention.bytes': '10000' })
    await publish(bySize, 30)
    for (const { all, topic } of [byAge, bySize]) {
      const { checks } = await all.doctor()
      expect(checks.find(({ name }) => name === 'retention')).toMatchObject({
        well: false,
        detail: expect.stringContaining(`${topic} 0:0 (`),
      })
      const ratio = new RegExp(`^orders_log_life_used_ratio\\{messaging_destination_name="${topic}"\\} (.*)$`, 'm')
      expect(Number(ratio.exec(await all.metrics.scrape())?.[1])).toBeGreaterThanOrEqual(0.75)
    }
    await byAge.consume()
    expect((await byAge.all.doctor()).checks.find(({ name }) => name === 'retention')).toMatchObject({ well: true })
  })
})
