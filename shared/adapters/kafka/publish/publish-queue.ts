import { setTimeout as sleep } from 'node:timers/promises'
import { OrderError } from '../../../domain/errors.ts'
import type { RecordPosition, RecordToPublish } from '../../../ports/event-log.ts'
import { jitteredMs } from '../../../threads/waiting.ts'
import { partitionOfKey } from '../../partitioner.ts'
import type { QueueBounds } from '../../queue-bounds.ts'
import { CLOCK_REFUSED } from '../client/broker-clock.ts'
import { isClockRefused, isDenied, isTooLarge, kafkaUnavailable, protocolType } from '../client/errors.ts'
import type { Sender } from './producer.ts'
import { sizeOf, toOutgoing, type OutgoingRecord } from './records.ts'

export interface KafkaQueueOptions {
  readonly topic: string
  readonly sender: Pick<Sender, 'send' | 'partitions'>
  /** Shared by the queues of all topics. */
  readonly bounds: QueueBounds
  /** A call rejects after this time, which includes all attempts and the wait in the queue. */
  readonly deadlineMs: number
  /** Called after each attempt in which a broker acknowledged records. */
  readonly onSent: () => void
  /** Called after each other attempt, but not while only some of the topic's partitions fail. */
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

interface Call {
  /** By the monotonic clock (`performance.now()`). */
  readonly deadline: number
  readonly positions: RecordPosition[]
  missing: number
  /** If true, the remaining records in the call are not sent. */
  failed: boolean
  resolve(positions: readonly RecordPosition[]): void
  reject(error: unknown): void
}

interface Entry {
  readonly record: OutgoingRecord
  readonly call: Call
  readonly index: number
  readonly bytes: number
}

/** Records that wait for the same brokers. */
interface Lane {
  /** The partition of all its records; undefined for the lane of every partition that is not failing. */
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
 * A partition that refuses records gets a lane of its own until it accepts records again, so that it does not delay the
 * other partitions.
 */
export function createKafkaQueue(options: KafkaQueueOptions) {
  const { topic, sender, bounds, deadlineMs, onSent, onFailed, onClockRefused } = options
  const main = createLane(undefined)
  /** The lanes of the partitions that refuse records, by partition. */
  const failing = new Map<number, Lane>()
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
    const alive = group.filter(({ call }) => !call.failed)
    release(group.filter(({ call }) => call.failed))
    return alive
  }

  /** Never rejects: errors go to the callers of `publish`. */
  async function flush(lane: Lane, group: readonly Entry[]): Promise<void> {
    const moved = new Set(await deliver(lane, group))
    lane.inFlight -= 1
    release(group.filter((entry) => !moved.has(entry)))
    for (const entry of moved) {
      const own = laneOfFailing(entry.record.partition ?? 0)
      own.waiting.push(entry)
      flushSoon(own)
    }
    const isDrained = lane.inFlight === 0 && lane.waiting.length === 0
    if (lane.partition !== undefined && lane.isProven && isDrained) failing.delete(lane.partition)
    flushSoon(lane)
  }

  /**
   * Sends the records, repeatedly if necessary, until all of them are acknowledged or their calls have failed. A record
   * may be written twice, but none is lost. Resolves with the records that are left to the lanes of their partitions.
   */
  async function deliver(lane: Lane, group: readonly Entry[]): Promise<readonly Entry[]> {
    const deadline = Math.min(...group.map(({ call }) => call.deadline))
    let rest = group
    for (let attempt = 1; ; attempt++) {
      const error = await errorOfSending(rest, deadline)
      const refused = rest.filter(({ record }) => record.offset === undefined)
      const isPartOk = refused.length < rest.length
      if (isPartOk) {
        settle(rest)
        onSent()
        lane.isProven = true
      }
      if (refused.length === 0) return []
      rest = refused
      // Sends the records one by one, so that only records that are too large fail.
      if (isTooLarge(error) && rest.length > 1) return deliverOneByOne(lane, rest)
      const failure = finalFailure(error)
      if (failure !== undefined) {
        fail(rest, failure)
        return []
      }
      if (lane === main && (isPartOk || isRefusal(error)) && rest.every(({ record }) => record.partition !== undefined))
        return rest
      lane.isProven = false
      if (!isPartOk && !failsAlone(lane)) onFailed(error)
      const waitMs = jitteredMs(attempt, FIRST_BACKOFF_MS, MAX_BACKOFF_MS)
      if (performance.now() + waitMs >= deadline) {
        fail(rest, kafkaUnavailable(UNACKNOWLEDGED, error))
        return []
      }
      await sleep(waitMs)
    }
  }

  async function deliverOneByOne(lane: Lane, group: readonly Entry[]): Promise<readonly Entry[]> {
    const moved: Entry[] = []
    for (const entry of group) if (!entry.call.failed) moved.push(...(await deliver(lane, [entry])))
    return moved
  }

  async function errorOfSending(group: readonly Entry[], deadline: number): Promise<unknown> {
    const records = group.map(({ record }) => record)
    return sender.send(records, Math.max(1, deadline - performance.now())).catch((error: unknown) => error)
  }

  /** Counts the acknowledged records. */
  function settle(group: readonly Entry[]): void {
    for (const { call, index, record } of group) {
      const { partition, offset } = record
      if (partition === undefined || offset === undefined) continue
      call.positions[index] = { topic, partition, offset }
      call.missing -= 1
      if (call.missing === 0) call.resolve(call.positions)
    }
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

  function laneOfFailing(partition: number): Lane {
    const lane = failing.get(partition) ?? createLane(partition)
    failing.set(partition, lane)
    return lane
  }

  function laneOf({ key }: OutgoingRecord): Lane {
    const partitions = sender.partitions()
    if (failing.size === 0 || key === null || partitions === undefined) return main
    return failing.get(partitionOfKey(key, partitions)) ?? main
  }

  /** Whether this lane's partition fails although others accept records, as far as is known. */
  function failsAlone(lane: Lane): boolean {
    return lane !== main && failing.size < (sender.partitions() ?? 0)
  }

  function release(entries: readonly Entry[]): void {
    const bytes = entries.reduce((total, entry) => total + entry.bytes, 0)
    bounds.release(entries.length, bytes)
    queued -= entries.length
    if (queued > 0) return
    clearTimeout(expiry)
    expiry = undefined
  }

  /** Rejects calls whose deadline passes while they wait in the queue. */
  function expireSoon(): void {
    expiry ??= setTimeout(() => {
      expiry = undefined
      const now = performance.now()
      for (const lane of [main, ...failing.values()]) {
        const isLate = ({ call }: Entry) => call.deadline <= now && !call.failed
        const tooSlow = kafkaUnavailable('Kafka is too slow', new Error('too many records are waiting'))
        fail(lane.waiting.filter(isLate), tooSlow)
        const [over, alive] = [lane.waiting.filter(hasFailed), lane.waiting.filter((entry) => !hasFailed(entry))]
        lane.waiting = alive
        release(over)
      }
      if (queued > 0) expireSoon()
    }, deadlineMs / 4)
  }

  return {
    publish(records: readonly RecordToPublish[]): Promise<readonly RecordPosition[]> {
      return new Promise((resolve, reject) => {
        if (records.length === 0) return resolve([])
        const call = {
          deadline: performance.now() + deadlineMs,
          positions: [],
          missing: records.length,
          failed: false,
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
        expireSoon()
      })
    },
  }
}

const UNACKNOWLEDGED = 'Kafka acknowledged nothing'

function createLane(partition: number | undefined): Lane {
  return { partition, waiting: [], inFlight: 0, isFlushing: false, isProven: false }
}

/** Whether a broker answered, and refused records. */
function isRefusal(error: unknown): boolean {
  return protocolType(error) !== undefined
}

function hasFailed({ call }: Entry): boolean {
  return call.failed
}

function fail(entries: readonly Entry[], error: OrderError): void {
  for (const { call } of entries) {
    call.failed = true
    call.reject(error)
  }
}

function recordTooLarge(topic: string, cause?: unknown): OrderError {
  const detail = `A record for the topic ${topic}, including its headers, is larger than the topic accepts.`
  return new OrderError('record-too-large', detail, { cause })
}
