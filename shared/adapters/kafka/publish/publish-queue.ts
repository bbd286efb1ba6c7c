import { setTimeout as sleep } from 'node:timers/promises'
import { OrderError } from '../../../domain/errors.ts'
import type { RecordPosition, RecordToPublish } from '../../../ports/event-log.ts'
import { jitteredMs } from '../../../threads/waiting.ts'
import { partitionOfKey } from '../../partitioner.ts'
import type { QueueBounds } from '../../queue-bounds.ts'
import { CLOCK_REFUSED } from '../client/broker-clock.ts'
import { isClockRefused, isDenied, isTooLarge, kafkaUnavailable } from '../client/errors.ts'
import type { Sender } from './producer.ts'
import { sizeOf, toOutgoing, type OutgoingRecord } from './records.ts'

export interface KafkaQueueOptions {
  readonly topic: string
  readonly sender: Pick<Sender, 'send' | 'partitions'>
  /** Shared by the queues of all topics. */
  readonly bounds: QueueBounds
  /** A call rejects after this time, which includes all attempts and the wait in the queue. Also limits an attempt. */
  readonly deadlineMs: number
  /** Called after each attempt in which a broker acknowledged records. */
  readonly onSent: () => void
  /** Called after each other attempt, unless only one partition fails while others accept records. */
  readonly onFailed: (error: unknown) => void
  /** Called when the broker has refused records because of their timestamps. */
  readonly onClockRefused: () => void
}

/** The size limit for a record with its key and headers; the retry and dead-letter topics are set to the same limit. */
const MAX_RECORD_BYTES = 2 * 1024 * 1024
/**
 * Kafka's limit applies to a batch. If all records of a group become a single batch, that batch must not exceed the
 * default `max.message.bytes`.
 */
const GROUP_BYTES = 900 * 1024
const GROUP_RECORDS = 2000
const MAX_GROUPS_IN_FLIGHT = 2
const FIRST_BACKOFF_MS = 50
const MAX_BACKOFF_MS = 1000
/** For this long after an acknowledgement, a partition that refuses records says nothing about the others. */
const ACKNOWLEDGED_LATELY_MS = 5000

interface Call {
  /** By the monotonic clock (`performance.now()`). */
  readonly deadline: number
  readonly positions: RecordPosition[]
  missing: number
  /** If true, the remaining records in the call are not sent. */
  failed: boolean
  /** Why the last attempt failed; undefined before the first. */
  lastError: unknown
  resolve(positions: readonly RecordPosition[]): void
  reject(error: unknown): void
}

interface Entry {
  readonly record: OutgoingRecord
  readonly call: Call
  readonly index: number
  readonly bytes: number
}

/** Records that are sent together, at most two groups at a time. */
interface Lane {
  /** Undefined for the lane of all partitions that are not failing. */
  readonly partition: number | undefined
  waiting: Entry[]
  inFlight: number
  isFlushing: boolean
  /** Whether records have been acknowledged since the last failure. */
  isProven: boolean
}

/**
 * Combines the records of several calls into one request. A group consists of all the calls from one turn of the event
 * loop, or of all the calls that arrived while two groups were in flight. A call never waits for a timer. Records with
 * the same key are written in the order of the calls as long as no attempt fails.
 *
 * A partition that refuses records gets a lane of its own until it accepts records again, so that the records of the
 * other partitions are not sent with its own.
 */
export function createKafkaQueue(options: KafkaQueueOptions) {
  const { topic, sender, bounds, deadlineMs, onSent, onFailed, onClockRefused } = options
  const main = createLane(undefined)
  /** The lanes of the partitions that refuse records, by partition. */
  const failing = new Map<number, Lane>()
  /** Also has the lanes of partitions that accept records again, until they are empty. */
  const lanes = new Set([main])
  const groupsInFlight = new Set<readonly Entry[]>()
  let acknowledgedAt = Number.NEGATIVE_INFINITY
  let queued = 0
  let expiry: NodeJS.Timeout | undefined

  function flushSoon(lane: Lane): void {
    if (lane.isFlushing || lane.inFlight >= MAX_GROUPS_IN_FLIGHT || lane.waiting.length === 0) return
    // The first request is sent alone, because kafkajs would let a second one overtake it. When it ends, `flush`
    // continues.
    if (lane.inFlight > 0 && !lane.isProven) return
    lane.isFlushing = true
    // Runs at the end of this turn of the event loop, so that requests arriving together are sent together.
    setImmediate(() => {
      lane.isFlushing = false
      const group = nextGroup(lane)
      if (group.length > 0) {
        lane.inFlight += 1
        void flush(lane, group)
      }
      flushSoon(lane)
    })
  }

  /** The records of one request. */
  function nextGroup({ waiting }: Lane): Entry[] {
    let bytes = 0
    const end = waiting.findIndex((entry, index) => {
      bytes += entry.bytes
      return index >= GROUP_RECORDS || (index > 0 && bytes > GROUP_BYTES)
    })
    const group = waiting.splice(0, end === -1 ? waiting.length : end)
    release(group.filter(hasFailed))
    return group.filter((entry) => !hasFailed(entry))
  }

  /** Never rejects: errors go to the callers of `publish`. */
  async function flush(lane: Lane, group: readonly Entry[]): Promise<void> {
    const moved = new Set<Entry>()
    groupsInFlight.add(group)
    await deliver(lane, group, moved)
    groupsInFlight.delete(group)
    lane.inFlight -= 1
    release(moved.size === 0 ? group : group.filter((entry) => !moved.has(entry)))
    flushSoon(lane)
    const { partition, inFlight, waiting } = lane
    const isOver = partition !== undefined && failing.get(partition) !== lane
    if (isOver && inFlight === 0 && waiting.length === 0) lanes.delete(lane)
  }

  /**
   * Sends the records, repeatedly if necessary, until all of them are acknowledged or their calls have failed. A record
   * may be written twice, but none is lost. Adds to `moved` the records that it leaves to the lanes of their partitions.
   */
  async function deliver(lane: Lane, group: readonly Entry[], moved: Set<Entry>): Promise<void> {
    let rest = group
    for (let attempt = 1; ; attempt++) {
      // kafkajs rejects as soon as one broker has refused records. Others may have acknowledged theirs since then.
      settle(lane, rest)
      rest = rest.filter((entry) => !isAcknowledged(entry) && !hasFailed(entry))
      if (rest.length === 0) return
      const error = await errorOfSending(rest)
      const isPartOk = settle(lane, rest)
      rest = rest.filter((entry) => !isAcknowledged(entry))
      if (rest.length === 0) return
      for (const { call } of rest) call.lastError = error
      // Sends the records one by one, so that only records that are too large fail.
      if (isTooLarge(error) && rest.length > 1) {
        for (const entry of rest) await deliver(lane, [entry], moved)
        return
      }
      const failure = finalFailure(error)
      if (failure !== undefined) return fail(rest, failure)
      lane.isProven = isPartOk
      const refused = lane === main ? rest.filter(isRefused) : []
      for (const entry of refused) move(entry, moved)
      if (refused.length > 0) rest = rest.filter((entry) => !moved.has(entry))
      else if (!isPartOk && !(lane !== main && isAcknowledgedLately())) onFailed(error)
      const timeLeftMs = Math.max(0, (rest.at(-1)?.call.deadline ?? 0) - performance.now())
      await sleep(Math.min(jitteredMs(attempt, FIRST_BACKOFF_MS, MAX_BACKOFF_MS), timeLeftMs))
    }
  }

  async function errorOfSending(group: readonly Entry[]): Promise<unknown> {
    const records = group.map(({ record }) => record)
    for (const record of records) record.refused = false
    return sender.send(records, deadlineMs).catch((error: unknown) => error)
  }

  function isAcknowledgedLately(): boolean {
    return performance.now() - acknowledgedAt < ACKNOWLEDGED_LATELY_MS
  }

  /** Counts the acknowledged records. Returns false if there are none. */
  function settle(lane: Lane, group: readonly Entry[]): boolean {
    let isPartOk = false
    for (const { call, index, record } of group) {
      const { partition, offset } = record
      if (partition === undefined || offset === undefined) continue
      isPartOk = true
      call.positions[index] = { topic, partition, offset }
      call.missing -= 1
      if (call.missing === 0) call.resolve(call.positions)
    }
    if (!isPartOk) return false
    acknowledgedAt = performance.now()
    lane.isProven = true
    if (lane.partition !== undefined) failing.delete(lane.partition)
    onSent()
    return true
  }

  /** Undefined if the records should be sent again. */
  function finalFailure(error: unknown): OrderError | undefined {
    if (isTooLarge(error)) return recordTooLarge(topic, error)
    if (isClockRefused(error)) {
      // Sending the records again does not help, because they would have the same timestamps.
      onFailed(new Error(CLOCK_REFUSED))
      onClockRefused()
      return new OrderError('clock-wrong', CLOCK_REFUSED, { retriable: true, cause: error })
    }
    if (!isDenied(error)) return undefined
    onFailed(error)
    return kafkaUnavailable(UNACKNOWLEDGED, error)
  }

  /** Moves a refused record, whose partition is known, to the lane of its partition. */
  function move(entry: Entry, moved: Set<Entry>): void {
    const partition = entry.record.partition ?? 0
    const lane = failing.get(partition) ?? createLane(partition)
    failing.set(partition, lane)
    lanes.add(lane)
    moved.add(entry)
    lane.waiting.push(entry)
    flushSoon(lane)
  }

  function laneOf({ key }: OutgoingRecord): Lane {
    const partitions = sender.partitions()
    if (failing.size === 0 || key === null || partitions === undefined) return main
    return failing.get(partitionOfKey(key, partitions)) ?? main
  }

  function release(entries: readonly Entry[]): void {
    const bytes = entries.reduce((total, entry) => total + entry.bytes, 0)
    bounds.release(entries.length, bytes)
    queued -= entries.length
    if (queued > 0) return
    clearTimeout(expiry)
    expiry = undefined
  }

  /** Rejects calls at their deadlines, whether their records wait or are in flight. */
  function expireIn(delayMs: number): void {
    expiry ??= setTimeout(() => {
      expiry = undefined
      const now = performance.now()
      let next = now + deadlineMs
      const pending = [...Array.from(lanes, ({ waiting }) => waiting), ...groupsInFlight].flat()
      for (const { call } of pending) {
        if (call.failed || call.missing === 0) continue
        const { lastError = new Error('too many records are waiting') } = call
        if (call.deadline > now) next = Math.min(next, call.deadline)
        else failCall(call, kafkaUnavailable(UNACKNOWLEDGED, lastError))
      }
      for (const lane of lanes) {
        const over = lane.waiting.filter(hasFailed)
        lane.waiting = lane.waiting.filter((entry) => !hasFailed(entry))
        release(over)
      }
      if (queued > 0) expireIn(next - now)
    }, delayMs)
  }

  return {
    publish(records: readonly RecordToPublish[]): Promise<readonly RecordPosition[]> {
      return new Promise((resolve, reject) => {
        if (records.length === 0) return resolve([])
        const call: Call = {
          deadline: performance.now() + deadlineMs,
          positions: [],
          missing: records.length,
          failed: false,
          lastError: undefined,
          resolve,
          reject,
        }
        let bytes = 0
        const entries = records.map((record, index): Entry => {
          const outgoing = toOutgoing(record)
          const size = sizeOf(outgoing)
          if (size > MAX_RECORD_BYTES) throw recordTooLarge(topic)
          bytes += size
          return { record: outgoing, call, index, bytes: size }
        })
        bounds.add(entries.length, bytes)
        queued += entries.length
        for (const entry of entries) {
          const lane = laneOf(entry.record)
          lane.waiting.push(entry)
          flushSoon(lane)
        }
        expireIn(deadlineMs)
      })
    },
  }
}

const UNACKNOWLEDGED = 'Kafka acknowledged nothing'

function createLane(partition: number | undefined): Lane {
  return { partition, waiting: [], inFlight: 0, isFlushing: false, isProven: false }
}

function isAcknowledged({ record }: Entry): boolean {
  return record.offset !== undefined
}

function isRefused({ record }: Entry): boolean {
  return record.refused === true
}

function hasFailed({ call }: Entry): boolean {
  return call.failed
}

function fail(entries: readonly Entry[], error: OrderError): void {
  for (const { call } of entries) failCall(call, error)
}

function failCall(call: Call, error: OrderError): void {
  call.failed = true
  call.reject(error)
}

function recordTooLarge(topic: string, cause?: unknown): OrderError {
  const detail = `A record for the topic ${topic}, including its headers, is larger than the topic accepts.`
  return new OrderError('record-too-large', detail, { cause })
}
