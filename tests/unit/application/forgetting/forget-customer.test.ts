import { describe, expect, test, vi } from 'vitest'
import { createForgetCustomer } from '../../../../shared/application/forgetting/forget-customer.ts'
import { createForgottenHere } from '../../../../shared/application/forgetting/forgotten-here.ts'
import { OrderError } from '../../../../shared/domain/errors.ts'
import type { OrderView } from '../../../../shared/domain/order-view.ts'
import { createTopics } from '../../../../shared/messaging/topics.ts'
import type { LogRecord, LogRedaction, TopicRetention } from '../../../../shared/ports/event-log.ts'
import type { Act } from '../../../../shared/ports/redrives.ts'
import {
  changeEvent,
  changeMessageOf,
  delivered,
  messageOf,
  newOrder,
  orderCommand,
} from '../../../support/orders/orders.ts'

const CUSTOMER = 48_213
const DAY_MS = 86_400_000
const ACT: Act = { operator: 'Kim', verified: false, at: '2026-02-01T00:00:00.000Z', reason: 'Asked for it.' }
const HELD = {
  orders: 0,
  unstored: 0,
  retrying: 0,
  changes: 0,
  waitingChanges: 0,
  deadLetters: 0,
  edits: 0,
  archived: 0,
  archiveFiles: [],
  orderIds: [],
}
const FOR_EVER: TopicRetention = { maxAgeMs: null, maxBytes: null, holesAreMarkers: true }

const hers = newOrder({ data: orderCommand({ customerId: CUSTOMER }) })
const change = changeEvent(hers.orderId, { change: { kind: 'amend', amendment: { customerName: 'Zelda' } } })
/** The customer's order, somebody else's order, and a change to the customer's order. */
const RECORDS: readonly LogRecord[] = [
  delivered(messageOf(hers), { offset: 0 }),
  delivered(messageOf(newOrder()), { offset: 1 }),
  delivered(changeMessageOf(change), { offset: 2 }),
]

function setUp({
  records = RECORDS,
  others,
  retention = FOR_EVER,
  isAway = false,
  redacts = false,
  stored = new Map<string, OrderView>(),
}: {
  records?: readonly LogRecord[]
  others?: Readonly<Record<string, readonly LogRecord[]>>
  retention?: TopicRetention
  isAway?: boolean
  redacts?: boolean
  stored?: ReadonlyMap<string, OrderView>
} = {}) {
  const inTopics: Readonly<Record<string, readonly LogRecord[]>> = {
    orders: records,
    'orders-retry-1': [],
    'orders-dlt': [],
    ...others,
  }
  const done: string[] = []
  const replaced = new Map<number, Uint8Array>()
  const redaction: LogRedaction = {
    topics: () => Object.keys(inTopics),
    settled: async () => void done.push('settled'),
    async replace(topic, _, values) {
      done.push(`replaced ${topic}`)
      for (const [offset, value] of values) replaced.set(offset, value)
    },
    purge: async () => void done.push('log purged'),
  }
  const forgetting = {
    remains: [],
    held: async () => HELD,
    forget: vi.fn(async (_customerId: number, _act: Act) => {
      done.push('store')
      return HELD
    }),
    forgetOrders: vi.fn(async () => void done.push('orders of the log')),
    purge: vi.fn(async () => void done.push('store purged')),
  }
  const act = createForgetCustomer({
    log: {
      async offsets(topic) {
        const held = isAway ? undefined : inTopics[topic]
        if (held === undefined) throw new OrderError('log-unavailable', 'No such topic, or no log.')
        return [{ partition: 0, first: 0, end: held.length }]
      },
      read: async (topic, _, from, limit) =>
        (inTopics[topic] ?? []).filter(({ offset }) => offset >= from).slice(0, limit),
      retention: async () => retention,
      ...(redacts && { redaction }),
    },
    views: { getMany: async (ids) => new Map([...stored].filter(([id]) => ids.includes(id))) },
    forgetting,
    forgottenHere: createForgottenHere(),
    topics: createTopics('orders', 'group', [1000]),
  })
  return { act, done, replaced, forgetting }
}

describe('forgetting a customer', () => {
  test('begins with the store, waits for what is being published, and ends with what remains in the files', async () => {
    const { act, done, replaced, forgetting } = setUp({ redacts: true })
    const told = await act.forget(CUSTOMER, ACT)
    expect(done).toEqual(['store', 'settled', 'replaced orders', 'orders of the log', 'store purged', 'log purged'])
    expect([...replaced.keys()]).toEqual([0, 2])
    expect(forgetting.forgetOrders).toHaveBeenCalledWith([hers.orderId])
    expect(told.log).toEqual({
      records: 2,
      redacts: true,
      topics: [{ topic: 'orders', records: 2, until: null, forEver: false }],
    })
    expect(told.remains).toEqual([expect.stringMatching(/^Earlier backups/)])
  })

  test('leaves alone an order that the store has as another customer’s, but not the record that names the customer', async () => {
    const other: OrderView = { orderId: hers.orderId, status: 'stored', customerId: 7 }
    const { act, replaced, forgetting } = setUp({ redacts: true, stored: new Map([[hers.orderId, other]]) })
    await act.forget(CUSTOMER, ACT)
    expect([...replaced.keys()]).toEqual([0])
    expect(forgetting.forgetOrders).not.toHaveBeenCalled()
  })

  test.each([
    [FOR_EVER, { until: null, forEver: true }, /orders holds 2 records forever/],
    [
      { ...FOR_EVER, maxAgeMs: 90 * DAY_MS },
      {
        until: new Date(Math.max(...RECORDS.map(({ timestamp }) => timestamp)) + 90 * DAY_MS).toISOString(),
        forEver: false,
      },
      /orders holds 2 records until 2026-/,
    ],
    [{ ...FOR_EVER, maxBytes: 1000 }, { until: null, forEver: false }, /until newer records push out the older ones/],
  ])('says until when Kafka holds the records: %j', async (retention, expected, words) => {
    const { act, done } = setUp({ retention })
    for (const told of [await act.preview(CUSTOMER), await act.forget(CUSTOMER, ACT)]) {
      expect(told.log).toMatchObject({
        records: 2,
        redacts: false,
        topics: [{ topic: 'orders', records: 2, ...expected }],
      })
      expect(told.remains[0]).toMatch(words)
    }
    expect(done).not.toContain('settled')
  })

  test.each([
    ['orders-retry-2', true],
    ['orders-of-2025', true],
    ['orders-retry-2', false],
  ])('reads %s too, which is no longer used; the log redacts records: %j', async (topic, redacts) => {
    const { act } = setUp({ redacts, others: { [topic]: RECORDS } })
    for (const told of [await act.preview(CUSTOMER), await act.forget(CUSTOMER, ACT)]) {
      expect(told.log.topics).toMatchObject([{ topic: 'orders' }, { topic, records: 2 }])
    }
  })

  test('says that Kafka’s topics of an earlier ORDERS_TOPIC were not searched', async () => {
    const { act } = setUp()
    expect((await act.forget(CUSTOMER, ACT)).remains).toContainEqual(expect.stringMatching(/^If ORDERS_TOPIC was/))
  })

  test('fails while the log is unavailable', async () => {
    const { act } = setUp({ isAway: true })
    await expect(act.forget(CUSTOMER, ACT)).rejects.toMatchObject({ code: 'log-unavailable' })
  })

  test('a preview changes nothing', async () => {
    const { act, done } = setUp({ redacts: true })
    expect(await act.preview(CUSTOMER)).toMatchObject({
      dryRun: true,
      log: { records: 2 },
      summary: expect.stringMatching(/^These hold/),
    })
    expect(done).toEqual([])
  })

  test('finds nothing held about an unknown customer', async () => {
    const { act } = setUp({ redacts: true })
    const told = await act.forget(99, ACT)
    expect(told.summary).toMatch(/^Nothing holds personal data of customer 99\. Any records of earlier orders/)
    expect(told.log).toMatchObject({ records: 0, topics: [] })
  })

  test('that fails halfway is completed by the same call', async () => {
    const { act, done, forgetting } = setUp({ redacts: true })
    forgetting.purge.mockRejectedValueOnce(new OrderError('store-busy', 'A backup reads.', { retriable: true }))
    await expect(act.forget(CUSTOMER, ACT)).rejects.toMatchObject({ code: 'store-busy' })
    done.length = 0
    await act.forget(CUSTOMER, ACT)
    expect(done.at(-1)).toBe('log purged')
  })

  test('is done for one customer at a time', async () => {
    const { act } = setUp({ redacts: true })
    const first = act.forget(CUSTOMER, ACT)
    await expect(act.forget(7, ACT)).rejects.toMatchObject({ code: 'conflict' })
    await first
  })

  test('takes a repeat of the running request for the same one, but a later one starts again', async () => {
    const { act, forgetting } = setUp({ redacts: true })
    const [first, repeat] = await Promise.all([
      act.forget(CUSTOMER, ACT),
      act.forget(CUSTOMER, { ...ACT, at: '2026-02-01T00:01:00.000Z' }),
    ])
    expect(forgetting.forget).toHaveBeenCalledTimes(1)
    expect(repeat).toEqual(first)
    await act.forget(CUSTOMER, ACT)
    expect(forgetting.forget).toHaveBeenCalledTimes(2)
  })

  test.each([
    ['by another operator', { ...ACT, operator: 'Sam' }],
    ['for another reason', { ...ACT, reason: 'Asked again.' }],
  ])('refuses a request %s meanwhile', async (_, other) => {
    const { act, forgetting } = setUp({ redacts: true })
    const first = act.forget(CUSTOMER, ACT)
    await expect(act.forget(CUSTOMER, other)).rejects.toMatchObject({ code: 'conflict' })
    await first
    expect(forgetting.forget.mock.calls).toEqual([[CUSTOMER, ACT]])
  })

  test('starts again after a failure, which a repeat shares', async () => {
    const { act, forgetting } = setUp({ redacts: true })
    forgetting.forget.mockRejectedValueOnce(new Error('the store is away'))
    const both = await Promise.allSettled([act.forget(CUSTOMER, ACT), act.forget(CUSTOMER, ACT)])
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await act.forget(CUSTOMER, ACT)
    expect(forgetting.forget).toHaveBeenCalledTimes(2)
  })
})
