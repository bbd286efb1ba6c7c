import { isOrderError, OrderError } from '../../domain/errors.ts'
import { newOrderOf } from '../../domain/order-events.ts'
import { acceptedAtOf, changeOf, isChange, orderIdOf, traceparentOf } from '../../messaging/records/envelope.ts'
import type { Failure } from '../../messaging/failure.ts'
import { HEADER, headerText } from '../../messaging/records/headers.ts'
import { holdThroughOutage } from '../../messaging/hold.ts'
import type { Clock } from '../../ports/clock.ts'
import { nextJourney, toParked, type Journey, type ParkedSize } from '../../messaging/parking/parking.ts'
import type { PipelineEmitter } from '../../messaging/pipeline-events.ts'
import { decideDestination } from '../../messaging/retry-policy.ts'
import type { Topics } from '../../messaging/topics.ts'
import type { EventLog, LogRecord } from '../../ports/event-log.ts'
import type { ForgottenHere } from '../forgetting/forgotten-here.ts'
import type { ChangeToStore, OrderToStore, ParkedChange, ParkedRecord } from '../../ports/order-store.ts'

/** A record and the journey decoded from its headers, so that the headers are decoded only once per delivery. */
export interface ParkableRecord {
  readonly record: LogRecord
  /** Undefined for a record that has not failed yet, such as every record in the orders topic. */
  readonly journey: Journey | undefined
}

/** A record that could not be stored, and why. */
export interface Unstorable extends ParkableRecord {
  /** Null when the record cannot be read. */
  readonly event: OrderToStore | ChangeToStore | null
  readonly failure: Failure
}

/**
 * Publishes records to the next retry topic, or to the dead-letter topic after the last one. Once all the records are
 * durable there, resolves with the entries for the ledger and the order statuses. Holds the records through an outage
 * of the log, because a record that is neither stored nor parked must not be committed.
 */
export type Park = (
  unstorable: readonly Unstorable[],
  options: { signal: AbortSignal; deadline: number },
) => Promise<ParkedRecord[]>

interface Parcel {
  readonly unstorable: Unstorable
  readonly journey: Journey
  readonly topic: string
  readonly tier: number | null
}

const SIZES: readonly ParkedSize[] = ['whole', 'without stack', 'stub']

export function createPark(dependencies: {
  log: Pick<EventLog, 'publish'>
  timestampTypeOf: EventLog['timestampTypeOf']
  topics: Topics
  groupId: string
  forgottenHere?: Pick<ForgottenHere, 'without'>
  clock: Clock
  events: PipelineEmitter
}): Park {
  const { log, timestampTypeOf, topics, groupId, forgottenHere, clock, events } = dependencies
  /**
   * Whether the customer was forgotten is checked when the record is sent, because the customer may have been forgotten
   * while the log was unavailable.
   */
  const sendable = (record: LogRecord) => forgottenHere?.without(record) ?? record
  const maxAttempts = topics.retries.length + 1

  return async function park(unstorable, { signal, deadline }) {
    const parcels = unstorable.map(address)
    const byTopic = Map.groupBy(parcels, ({ topic }) => topic)
    await Promise.all(
      [...byTopic].map(([topic, some]) => {
        const unsent = new Set(some)
        return holdThroughOutage(() => send(topic, unsent), { clock, events, of: 'log', signal, deadline })
      }),
    )
    parcels.forEach(tell)
    return parcels.map(toParkedRecord)
  }

  function address(unstorable: Unstorable): Parcel {
    const { record, journey: earlier, failure } = unstorable
    const attempt = (earlier?.attempt ?? 0) + 1
    const nowMs = clock.now()
    const destination = decideDestination(failure.class, attempt, topics.retries, nowMs)
    const notBefore = destination.kind === 'retry' ? destination.notBefore : null
    return {
      unstorable,
      journey: nextJourney(record, failure, {
        earlier,
        attempt,
        maxAttempts,
        notBefore,
        groupId,
        nowMs,
        timestampType: timestampTypeOf(record.topic),
      }),
      topic: destination.kind === 'retry' ? destination.tier.topic : topics.deadLetters,
      tier: destination.kind === 'retry' ? destination.tier.tier : null,
    }
  }

  /**
   * Sends the parcels and removes those that are durable from the set. Each is a call of its own, so that a record that
   * is refused does not fail the others; the log combines the calls.
   */
  async function send(topic: string, parcels: Set<Parcel>): Promise<void> {
    const sending = [...parcels].map(async (parcel) => {
      await sendInSomeSize(topic, parcel)
      parcels.delete(parcel)
    })
    const outcomes = await Promise.allSettled(sending)
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  }

  /**
   * If a record is too large, omits the stack first and, if that is not enough, the value too; the copy still names its
   * origin.
   */
  async function sendInSomeSize(topic: string, { unstorable, journey }: Parcel): Promise<void> {
    let refusal: unknown
    for (const size of SIZES) {
      try {
        await log.publish(topic, [toParked(sendable(unstorable.record), journey, size)])
        return
      } catch (error) {
        if (!isTooLarge(error)) throw error
        refusal = error
      }
    }
    throw new OrderError('record-too-large', `Not even a stub of a record fits into ${topic}.`, { cause: refusal })
  }

  function tell({ unstorable, journey, tier }: Parcel): void {
    const { attempt, origin, notBefore, last } = journey
    const { record, failure } = unstorable
    const whose = { orderId: orderIdOf(record) ?? null, traceparent: traceparentOf(record) }
    const fact = { ...whose, origin, attempt, cause: last.cause, error: failure.error }
    if (tier === null || notBefore === null) events.emit('delivery:dead-lettered', fact)
    else events.emit('delivery:retried', { ...fact, tier, notBefore })
  }
}

function isTooLarge(error: unknown): boolean {
  return isOrderError(error) && error.code === 'record-too-large'
}

function toParkedRecord({ unstorable: { record, event }, journey }: Parcel): ParkedRecord {
  const change = parkedChange(record, event)
  return {
    origin: journey.origin,
    orderId: orderIdOf(record) ?? null,
    state: journey.notBefore === null ? 'dead' : 'retrying',
    attempt: journey.attempt,
    maxAttempts: journey.maxAttempts,
    nextAttemptAt: journey.notBefore === null ? null : new Date(journey.notBefore).toISOString(),
    cause: journey.last.cause,
    acceptedAt: acceptedAtOf(record),
    order: event === null || isChange(event) ? null : newOrderOf(event.json),
    // The header is readable even if the record is not, so the ledger does not count a redrive as an accepted order.
    redriveOf: headerText(record, HEADER.redriveOf) ?? null,
    ...(change !== undefined && { change }),
  }
}

/** The change is identified by the record's headers, even if the value cannot be read. */
function parkedChange(record: LogRecord, event: Unstorable['event']): ParkedChange | undefined {
  if (event !== null && !isChange(event)) return undefined
  const known = changeOf(record)
  if (known === undefined) return undefined
  if (event === null) return { ...known, change: null, idempotencyKeyHash: null }
  const { change, bodyHash, idempotencyKeyHash } = event
  return { ...known, change, ...(change.forgotten === true && { bodyHash }), idempotencyKeyHash }
}
