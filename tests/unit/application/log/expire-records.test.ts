import { describe, expect, it } from 'vitest'
import { createExpireRecords, type RecordsKept } from '../../../../shared/application/log/expire-records.ts'
import { OrderError } from '../../../../shared/domain/errors.ts'
import { HEADER } from '../../../../shared/messaging/records/headers.ts'
import { createTopics } from '../../../../shared/messaging/topics.ts'
import type { LogRecord, RecordHeader } from '../../../../shared/ports/event-log.ts'
import type { LedgerGap, LedgerSnapshot } from '../../../../shared/ports/ledger.ts'
import type { Rebuild } from '../../../../shared/ports/maintenance.ts'
import { createVirtualClock } from '../../../support/virtual-clock.ts'

const DAY = 86_400_000
const TOPICS = createTopics('orders', 'processor', [1000])
const [RETRY] = TOPICS.retries
const STEP = 3
const LOG = 'this log'
const WRITTEN_AT = 90 * DAY

/** A log with one partition for each topic. Its records are ten days old, and all of them have been processed. */
function given({
  records = { orders: 10 } as Readonly<Record<string, number>>,
  groups = {} as Readonly<Record<string, Readonly<Record<string, number>>>>,
  ledger = {} as Partial<LedgerSnapshot>,
  row = {} as Partial<LedgerSnapshot['partitions'][number]>,
  origins = [] as readonly number[],
  damagedIn = 'orders',
  unreadableFrom = Number.POSITIVE_INFINITY,
  rebuild = (_step: number): Pick<Rebuild, 'state'> | undefined => undefined,
  retentionMs = (5 * DAY) as number | null,
  hasRemoval = true,
  isHeld = () => false,
  lastReset = undefined as number | undefined,
  former = [] as readonly string[],
}) {
  const clock = createVirtualClock(100 * DAY)
  const first = new Map<string, number>()
  const kept: RecordsKept[] = []
  const errors: unknown[] = []
  const told: string[] = []
  const steps: { topic: string; at: number }[] = []
  const stopping = new AbortController()
  const endOf = (topic: string) => records[topic] ?? 0
  const ownGroups: Readonly<Record<string, string>> = {
    orders: TOPICS.group,
    [RETRY?.topic ?? '']: RETRY?.group ?? '',
    [TOPICS.deadLetters]: TOPICS.deadLetterGroup,
    ...Object.fromEntries(former.map((topic, at) => [topic, `processor-retry-${at + 2}`])),
  }
  const committedIn = (topic: string): Readonly<Record<string, number>> =>
    groups[topic] ?? { [ownGroups[topic] ?? '']: endOf(topic) }
  const counts = { stored: 0, duplicate: 0, parked: 0, gaps: 0, absent: 0, lost: 0, redriven: 0 }

  const expiry = createExpireRecords({
    topics: TOPICS,
    clock,
    signal: stopping.signal,
    retentionMs,
    onKept: (one) => kept.push(one),
    lastReset: async () => lastReset,
    onError(error) {
      errors.push(error)
      told.push('error')
    },
    onBack: () => told.push('back'),
    maintenance: { getRebuild: async () => rebuild(steps.length) as Rebuild | undefined },
    ledger: {
      read: async () => ({
        partitions: [{ topic: 'orders', partition: 0, first: 0, next: endOf('orders'), ...counts, ...row }],
        logs: [{ topic: 'orders', id: LOG, brokenBy: null }],
        gaps: [],
        lost: [],
        parked: { retrying: 0, stored: 0, duplicate: 0, dead: 0, discarded: 0, redriven: 0 },
        waiting: 0,
        ...ledger,
      }),
    },
    log: {
      identity: async () => LOG,
      async offsets(topic) {
        if (!(topic in ownGroups)) throw new OrderError('log-unavailable', `The log has no topic ${topic}.`)
        return [{ partition: 0, first: first.get(topic) ?? 0, end: endOf(topic) }]
      },
      readers: async (topic) => Object.keys(committedIn(topic)),
      async committed(groupId, topic) {
        const next = committedIn(topic)[groupId]
        return next === undefined ? new Map() : new Map([[0, next]])
      },
      async read(topic, partition, from, limit) {
        if (topic === damagedIn && from === unreadableFrom) throw damage(topic, from)
        return Array.from({ length: Math.min(limit, endOf(topic) - from) }, (_, at) =>
          recordAt(topic, partition, from + at, origins[from + at]),
        )
      },
    },
    removal: hasRemoval
      ? {
          async removeRecords(topic, _partition, { olderThan, toOffset, damagedOlderThan = 0 }) {
            steps.push({ topic, at: clock.now() })
            if (isHeld()) return { removed: 0, more: false, isHeld: true }
            const from = first.get(topic) ?? 0
            const until = olderThan > WRITTEN_AT ? Math.min(toOffset, endOf(topic), from + STEP) : from
            const stops = topic === damagedIn && damagedOlderThan <= WRITTEN_AT ? unreadableFrom : until
            const to = Math.min(until, Math.max(from, stops))
            first.set(topic, to)
            const more = to === from + STEP
            const isStopped = to === stops && !more && topic === damagedIn && to < until
            return { removed: to - from, more, ...(isStopped && { unreadable: damage(topic, to) }) }
          },
        }
      : undefined,
  })
  return { expiry, expire: () => expiry?.expire(), first, kept, steps, errors, told, stopping, clock }
}

function recordAt(topic: string, partition: number, offset: number, origin?: number): LogRecord {
  const headers: RecordHeader[] =
    origin === undefined || topic === 'orders'
      ? []
      : [
          [HEADER.originTopic, 'orders'],
          [HEADER.originPartition, '0'],
          [HEADER.originOffset, `${origin}`],
        ]
  const written = headers.map(([name, value]) => [name, Buffer.from(String(value))] as const)
  return { topic, partition, offset, timestamp: WRITTEN_AT, key: null, value: null, headers: written }
}

const damage = (topic: string, from: number) =>
  new OrderError('log-unreadable', `The log is damaged at ${topic} 0:${from}.`, { unreadable: { from, to: from + 1 } })

/** The report that records are kept in the orders topic, and why. */
const keptBy = (by: RecordsKept['by'], why: string): RecordsKept => ({
  topic: 'orders',
  partition: 0,
  by,
  why,
  since: WRITTEN_AT + 5 * DAY,
})

describe('expiring records', () => {
  it('removes what is older than the retention period and processed, in every topic, a step at a time', async () => {
    const topics = { orders: 10, [RETRY?.topic ?? '']: 4, [TOPICS.deadLetters]: 2 }
    const { expire, first, kept, steps } = given({ records: topics })
    expect(await expire()).toBe(16)
    expect(Object.fromEntries(first)).toEqual(topics)
    expect(kept).toEqual([])
    const times = steps.filter(({ topic }) => topic === 'orders').map(({ at }) => at - (steps[0]?.at ?? 0))
    expect(times).toEqual([0, 20, 40, 60])
  })

  it('keeps younger records', async () => {
    const { expire, steps, kept } = given({ retentionMs: 11 * DAY, groups: { orders: {} } })
    expect(await expire()).toBe(0)
    expect({ steps, kept }).toEqual({ steps: [], kept: [] })
  })

  it('does nothing where records stay forever, or leave on their own', () => {
    expect(given({ retentionMs: null }).expiry).toBeUndefined()
    expect(given({ hasRemoval: false }).expiry).toBeUndefined()
  })

  it.each<[string, Parameters<typeof given>[0], removed: number, by?: 'group' | 'ledger', why?: string]>([
    ['another group has read only some', { groups: { orders: { processor: 10, audit: 4 } } }, 4],
    [
      'another group has read none',
      { groups: { orders: { processor: 10, audit: 0 } } },
      0,
      'group',
      'the consumer group audit has not read them',
    ],
    [
      'the product’s own group never committed',
      { groups: { orders: { audit: 10 } } },
      0,
      'group',
      'the consumer group processor has not read them',
    ],
    ['the ledger has counted less than was committed', { row: { next: 7 } }, 7],
    ['the ledger has a gap', { row: { gaps: 2 }, ledger: { gaps: [gap(5, 6), gap(8, 9)] } }, 5],
    [
      'the ledger has gaps that it does not list',
      { row: { gaps: 2 } },
      0,
      'ledger',
      'the ledger has not accounted for them',
    ],
    ['the ledger has no row', { ledger: { partitions: [] } }, 0, 'ledger', 'the ledger has not accounted for them'],
    [
      'the ledger has counted more than the log has',
      { row: { next: 11 } },
      0,
      'ledger',
      'the ledger has not accounted for them',
    ],
    [
      'another log was counted',
      { ledger: { logs: [{ topic: 'orders', id: 'another log', brokenBy: null }] } },
      0,
      'ledger',
      'the ledger has not accounted for them',
    ],
    [
      'the counted log was truncated',
      { ledger: { logs: [{ topic: 'orders', id: LOG, brokenBy: 'truncated' }] } },
      0,
      'ledger',
      'the ledger has not accounted for them',
    ],
  ])('keeps what is needed: %s', async (_, state, removed, by = 'group', why) => {
    const { expire, kept } = given(state)
    expect(await expire()).toBe(removed)
    expect(kept).toEqual([])
    expect(await expire()).toBe(0)
    expect(kept).toEqual(why === undefined ? [] : [keptBy(by, why)])
  })

  it('removes records although others arrive and are counted while it looks at the ledger', async () => {
    const records = { orders: 10 }
    const row = {
      get next() {
        return (records.orders += 2)
      },
    }
    const { expire } = given({ records, row })
    expect(await expire()).toBe(10)
  })

  it.each([
    ['a retry', RETRY?.topic ?? '', RETRY?.group ?? ''],
    ['an operator', TOPICS.deadLetters, TOPICS.deadLetterGroup],
  ])('keeps the record whose copy still waits for %s, because the copy may be a stub', async (_, topic, group) => {
    const records = { orders: 10, [topic]: 3 }
    const { expire, first } = given({ records, groups: { [topic]: { [group]: 1 } }, origins: [2, 7, 6] })
    await expire()
    expect(Object.fromEntries(first)).toEqual({ orders: 6, [topic]: 1 })
  })

  it('keeps the records of the orders topic while more copies wait than it looks at', async () => {
    const { expire, kept } = given({
      records: { orders: 10, [TOPICS.deadLetters]: 20_001 },
      groups: { [TOPICS.deadLetters]: { [TOPICS.deadLetterGroup]: 0 } },
    })
    expect(await expire()).toBe(0)
    await expire()
    expect(kept[0]).toEqual(keptBy('copies', 'too many copies are waiting to be retried or kept'))
  })

  it('pauses while a rebuild runs, even if the rebuild began between two steps', async () => {
    const running = given({ rebuild: () => ({ state: 'running' }) })
    expect(await running.expire()).toBe(0)
    const beginning = given({ rebuild: (steps) => ({ state: steps < 2 ? 'done' : 'running' }) })
    expect(await beginning.expire()).toBe(2 * STEP)
  })

  it('keeps a damaged record until the ledger has settled it, and reports that once', async () => {
    const row = { gaps: 1 }
    const ledger = { gaps: [gap(4, 5)] }
    const { expire, first, kept } = given({ unreadableFrom: 4, row, ledger })
    expect(await expire()).toBe(4)
    expect(kept).toEqual([])
    for (let round = 0; round < 3; round += 1) expect(await expire()).toBe(0)
    expect(first.get('orders')).toBe(4)
    const why = 'The log is damaged at orders 0:4; `npm run ops -- ledger reset` settles that'
    expect(kept).toEqual([{ ...keptBy('damage', why), since: expect.any(Number) as number }])

    Object.assign(row, { gaps: 0, absent: 1 })
    ledger.gaps = []
    expect(await expire()).toBe(6)
    expect(kept).toHaveLength(1)
  })

  it.each([
    ['stays until the ledger is reset', undefined, 4],
    ['stays if it is newer than the reset', WRITTEN_AT, 4],
    ['leaves if it is older than the reset', WRITTEN_AT + 1, 10],
  ])('a damaged copy, which the ledger does not count, %s', async (_, lastReset, left) => {
    const topic = TOPICS.deadLetters
    const { expire, first, kept } = given({
      records: { orders: 0, [topic]: 10 },
      damagedIn: topic,
      unreadableFrom: 4,
      lastReset,
    })
    for (let round = 0; round < 3; round += 1) await expire()
    expect(first.get(topic)).toBe(left)
    const why = `The log is damaged at ${topic} 0:4; \`npm run ops -- ledger reset --force\` settles that`
    expect(kept.map((one) => one.why)).toEqual(left === 10 ? [] : [why])
  })

  it('reports maintenance once it has kept records for an hour', async () => {
    const { expire, kept, clock } = given({ isHeld: () => true, retentionMs: 10 * DAY - 60_000 })
    clock.advance(1)
    const counts: number[] = []
    for (let minutes = 0; minutes < 60; minutes += 10) {
      await expire()
      counts.push(kept.length)
      clock.advance(10 * 60_000)
    }
    await expire()
    expect(counts).toEqual([0, 0, 0, 0, 0, 0])
    expect(kept).toMatchObject([{ by: 'maintenance', why: expect.stringContaining('backup') }])
  })

  it('removes records from retry topics that are no longer configured, and needs the origins of their copies', async () => {
    const topic = 'orders-retry-2'
    const all = given({ records: { orders: 10, [topic]: 5 }, former: [topic] })
    await all.expire()
    expect(all.first.get(topic)).toBe(5)
    const waiting = given({
      records: { orders: 10, [topic]: 5 },
      former: [topic],
      groups: { [topic]: { 'processor-retry-2': 2 } },
      origins: [9, 9, 6, 7, 8],
    })
    await waiting.expire()
    expect(Object.fromEntries(waiting.first)).toMatchObject({ orders: 6, [topic]: 2 })
  })

  it('lists what stays from the second round on, until it leaves', async () => {
    const committed: Record<string, number> = { processor: 10, audit: 0 }
    const { expiry } = given({ groups: { orders: committed } })
    const lists: (string | undefined)[] = []
    for (const audit of [0, 0, 0, 10]) {
      committed['audit'] = audit
      await expiry?.expire()
      lists.push(
        expiry
          ?.kept()
          .map(({ why }) => why)
          .join(),
      )
    }
    const why = 'the consumer group audit has not read them'
    expect(lists).toEqual(['', why, why, ''])
  })

  it('continues after failed rounds until the process stops, and reports a failure and its end once', async () => {
    let rounds = 0
    const { expiry, errors, told, first, stopping } = given({
      rebuild: () => {
        if (rounds++ < 3) throw new Error('The store is away.')
        if (first.get('orders') === 3 * STEP) stopping.abort()
        return undefined
      },
    })
    await expiry?.run()
    expect(errors).toEqual([new Error('The store is away.')])
    expect(told).toEqual(['error', 'back'])
    expect(first.get('orders')).toBe(10)
  })
})

function gap(from: number, to: number): LedgerGap {
  return { topic: 'orders', partition: 0, from, to }
}
