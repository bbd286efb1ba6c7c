import { setTimeout as sleep } from 'node:timers/promises'
import { OrderError } from '../../../domain/errors.ts'
import type { RecordPosition, RecordToPublish } from '../../../ports/event-log.ts'
import { jitteredMs } from '../../../threads/waiting.ts'
import { createQueueBounds, type QueueLimits } from '../../queue-bounds.ts'
import { CLOCK_REFUSED } from '../client/broker-clock.ts'
import { isClockRefused, isDenied, isTooLarge, kafkaUnavailable } from '../client/errors.ts'
import type { Addressed, Sender } from './producer.ts'
import { sizeOf, toOutgoing } from './records.ts'

export interface KafkaQueueOptions extends QueueLimits {
  readonly sender: Pick<Sender, 'send'>
  /** A call rejects after this time, which includes all attempts and the wait in the queue. */
  readonly deadlineMs: number
  /** Called after each successful attempt. */
  readonly onSent: () => void
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
  readonly deadline: number
  readonly positions: RecordPosition[]
  missing: number
  /** If true, the remaining records in the call are not sent. */
  failed: boolean
  resolve(positions: readonly RecordPosition[]): void
  reject(error: unknown): void
}

interface Entry extends Addressed {
  readonly call: Call
  readonly index: number
  readonly bytes: number
}

/**
 * Combines the records of several calls into one request. A group consists of all the calls from one turn of the event
 * loop, or of all the calls that arrived while two groups were in flight. A call never waits for a timer. Records with
 * the same key are written in the order of the calls as long as no attempt fails.
 */
export function createKafkaQueue(options: KafkaQueueOptions) {
  const { sender, deadlineMs, onSent, onFailed, onClockRefused } = options
  const bounds = createQueueBounds('Kafka', options)
  const waiting: Entry[] = []
  /** Topics for which records have been acknowledged since the last failure. */
  const proven = new Set<string>()
  let inFlight = 0
  let flushing = false
  let expiry: NodeJS.Timeout | undefined

  function flushSoon(): void {
    if (flushing || inFlight >= MAX_GROUPS_IN_FLIGHT || waiting.length === 0) return
    flushing = true
    // Runs at the end of this turn of the event loop, so that requests arriving together are sent together.
    setImmediate(() => {
      flushing = false
      const group = nextGroup()
      if (group.length > 0) {
        inFlight += 1
        void flush(group)
      }
      // If nothing can be sent yet, the group that is in flight calls `flushSoon` again when that group ends.
      if (group.length > 0 || inFlight === 0) flushSoon()
    })
  }

  /**
   * The records of one request. A topic's first request is sent alone, because kafkajs would let a second one overtake
   * it.
   */
  function nextGroup(): Entry[] {
    let bytes = 0
    const end = waiting.findIndex((entry, index) => {
      bytes += entry.bytes
      const full = index >= GROUP_RECORDS || (index > 0 && bytes > GROUP_BYTES)
      return full || (inFlight > 0 && !proven.has(entry.topic))
    })
    const group = waiting.splice(0, end === -1 ? waiting.length : end)
    const alive = group.filter(({ call }) => !call.failed)
    release(group.filter(({ call }) => call.failed))
    return alive
  }

  /** Never rejects: errors go to the callers of `publish`. */
  async function flush(group: readonly Entry[]): Promise<void> {
    await deliver(group)
    inFlight -= 1
    release(group)
    flushSoon()
  }

  async function deliver(group: readonly Entry[]): Promise<void> {
    try {
      settle(group, await sendUntilAcknowledged(group))
    } catch (error) {
      // Sends the records one by one, so that only records that are too large fail.
      if (isTooLarge(error) && group.length > 1) for (const entry of group) await deliver([entry])
      else for (const { call, topic } of group) fail(call, isTooLarge(error) ? recordTooLarge(topic, error) : error)
    }
  }

  /**
   * Sends the whole group, repeatedly if necessary, until all records are acknowledged. A record may be written twice,
   * but none is lost.
   */
  async function sendUntilAcknowledged(group: readonly Entry[]): Promise<readonly RecordPosition[]> {
    const deadline = Math.min(...group.map(({ call }) => call.deadline))
    for (let attempt = 1; ; attempt++) {
      try {
        const positions = await sender.send(group, Math.max(1, deadline - Date.now()))
        onSent()
        for (const { topic } of group) proven.add(topic)
        return positions
      } catch (error) {
        if (isTooLarge(error)) throw error
        if (isClockRefused(error)) {
          // Sending the records again does not help, because they would have the same timestamps.
          onFailed(new Error(CLOCK_REFUSED))
          onClockRefused()
          throw new OrderError('clock-wrong', CLOCK_REFUSED, { retriable: true, cause: error })
        }
        onFailed(error)
        proven.clear()
        const waitMs = jitteredMs(attempt, FIRST_BACKOFF_MS, MAX_BACKOFF_MS)
        if (isDenied(error) || Date.now() + waitMs >= deadline)
          throw kafkaUnavailable('Kafka acknowledged nothing', error)
        await sleep(waitMs)
      }
    }
  }

  function settle(group: readonly Entry[], positions: readonly RecordPosition[]): void {
    for (const [at, { call, index }] of group.entries()) {
      const position = positions[at]
      if (position === undefined) continue
      call.positions[index] = position
      call.missing -= 1
      if (call.missing === 0) call.resolve(call.positions)
    }
  }

  function release(entries: readonly Entry[]): void {
    const bytes = entries.reduce((total, entry) => total + entry.bytes, 0)
    bounds.release(entries.length, bytes)
    if (bounds.queued.records > 0) return
    clearTimeout(expiry)
    expiry = undefined
  }

  /** Rejects calls whose deadline passes while they wait in the queue. */
  function expireSoon(): void {
    expiry ??= setTimeout(() => {
      expiry = undefined
      const now = Date.now()
      for (const { call } of waiting) {
        if (call.deadline <= now && !call.failed)
          fail(call, kafkaUnavailable('Kafka is too slow', new Error('too many records are waiting')))
      }
      const over = waiting.filter(({ call }) => call.failed)
      waiting.splice(0, waiting.length, ...waiting.filter(({ call }) => !call.failed))
      release(over)
      if (waiting.length > 0) expireSoon()
    }, deadlineMs / 4)
  }

  return {
    publish(topic: string, records: readonly RecordToPublish[]): Promise<readonly RecordPosition[]> {
      return new Promise((resolve, reject) => {
        if (records.length === 0) return resolve([])
        const call = {
          deadline: Date.now() + deadlineMs,
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
          return { topic, record: outgoing, call, index, bytes: size }
        })
        bounds.add(entries.length, bytes)
        for (const entry of entries) waiting.push(entry)
        flushSoon()
        expireSoon()
      })
    },
    drained: () => bounds.drained(),
  }
}

function fail(call: Call, error: unknown): void {
  call.failed = true
  call.reject(error)
}

function recordTooLarge(topic: string, cause?: unknown): OrderError {
  return new OrderError(
    'record-too-large',
    `A record for the topic ${topic}, including its headers, is larger than the topic accepts.`,
    {
      cause,
    },
  )
}
