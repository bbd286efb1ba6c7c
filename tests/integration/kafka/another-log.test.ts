import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { LogRecord } from '../../../shared/ports/event-log.ts'
import { brokerForTests } from '../../support/kafka/broker-for-tests.ts'
import { skipsKafka } from '../../support/kafka/kafka-broker.ts'
import { openKafkaServices, withAdmin, type KafkaServices } from '../../support/kafka/kafka-services.ts'
import { messageOf, newOrder } from '../../support/orders/orders.ts'

const PATIENCE = { timeout: 60_000, interval: 300 }
const ACT = { operator: 'sam', verified: false, at: '2026-01-01T00:00:00.000Z', reason: 'The topic was made anew.' }

describe.skipIf(skipsKafka)('a log that replaced the one that was counted', { timeout: 120_000 }, () => {
  const broker = brokerForTests()

  async function open(): Promise<KafkaServices> {
    const services = await openKafkaServices(broker)
    onTestFinished(() => services[Symbol.asyncDispose]())
    return services
  }

  /** Deletes the order and dead-letter topics, and lets the product recreate them as it does at startup. */
  async function makeAnew(services: KafkaServices): Promise<void> {
    const { topic } = services
    const before = await services.all.log.identity(topic)
    await withAdmin(broker, (admin) => admin.deleteTopics({ topics: [topic, `${topic}-dlt`] }))
    await vi.waitFor(async () => {
      await services.reopen()
      expect(await services.all.log.identity(topic)).not.toBe(before)
      expect(await services.all.log.offsets(`${topic}-dlt`)).toEqual([{ partition: 0, first: 0, end: 0 }])
    }, PATIENCE)
  }

  /** Puts the records of the dead-letter topic into the dead-letter store. */
  async function keepDeadLetters({ all, topic }: KafkaServices): Promise<void> {
    const letters: readonly LogRecord[] = await all.log.read(`${topic}-dlt`, 0, 0, 100)
    await all.keepDeadLetters(letters.map((record) => ({ ...record, lossy: false })))
  }

  test('does not balance the ledger, however long it gets, until an operator resets it; dead letters keep their log', async () => {
    const services = await open()
    const { topic } = services
    const poison = () => {
      const event = newOrder()
      return { event, record: { ...messageOf(event), value: '{}' } }
    }
    const first = poison()
    await services.all.log.publish(topic, [first.record, messageOf(), messageOf()])
    await services.consume()
    await keepDeadLetters(services)
    await services.all.ledgerWatch.look()
    expect(await services.all.ledgerVerdict()).toMatchObject({ balanced: true, totals: { stored: 2, parked: 1 } })

    await makeAnew(services)
    const broken: unknown[] = []
    services.all.events.on('ledger:log-broken', (event) => broken.push(event))
    // Now a good order is at the dead letter's offset, and a new dead letter is where a good order was.
    const second = poison()
    const third = poison()
    await services.all.log.publish(topic, [messageOf(), second.record, messageOf(), messageOf()])
    await services.consume()
    await keepDeadLetters(services)
    expect(await services.all.ledgerVerdict()).toMatchObject({
      balanced: false,
      brokenBy: 'replaced',
      summary: expect.stringContaining(`${topic} is not the log that was counted`),
    })
    await services.all.ledgerWatch.look()
    await services.all.ledgerWatch.look()
    expect(broken).toEqual([{ topic, brokenBy: 'replaced' }])
    const { deadLetters } = services.all
    expect(await deadLetters.get(`${topic}:0:0`)).toMatchObject({ state: 'dead', orderId: first.event.orderId })
    expect(await deadLetters.get(`${topic}:0:1`)).toMatchObject({ state: 'dead', orderId: second.event.orderId })

    expect(await services.all.resetLedger(ACT, false)).toMatchObject({ more: false })
    expect(await services.all.ledgerVerdict()).toMatchObject({ balanced: true, totals: { stored: 3, parked: 1 } })
    await expect(services.all.resetLedger(ACT, false)).rejects.toMatchObject({ code: 'conflict' })

    // Once more: now a letter from the third log has the same offset as one from the first.
    await makeAnew(services)
    await services.all.log.publish(topic, [third.record])
    await services.consume()
    await keepDeadLetters(services)
    const again = services.all.deadLetters
    expect(await again.get(`${topic}:0:0`)).toMatchObject({ state: 'dead', orderId: first.event.orderId })
    expect(await again.get(`${topic}@2:0:0`)).toMatchObject({
      state: 'dead',
      orderId: third.event.orderId,
      origin: { topic, partition: 0, offset: 0 },
    })
    for (const { event } of [first, second, third]) {
      expect(await services.all.views.get(event.orderId)).toMatchObject({ status: 'dead-lettered' })
    }
  })

  test('is recognised by its id, which a topic keeps until it is deleted', async () => {
    const services = await open()
    const { topic } = services
    const id = await services.all.log.identity(topic)
    expect(id).toMatch(/^[0-9a-f]{32}$/)
    await services.reopen()
    expect(await services.all.log.identity(topic)).toBe(id)
    expect(await services.all.log.identity(`${topic}-dlt`)).not.toBe(id)
    await expect(services.all.log.identity('nobody-made-this')).rejects.toMatchObject({ code: 'log-unavailable' })
  })
})
