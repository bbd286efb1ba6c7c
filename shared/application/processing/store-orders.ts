import { OrderError } from '../../domain/errors.ts'
import { UNKNOWN_TIME } from '../../domain/times.ts'
import { decideBatch, failsAsAWhole, type Setback } from '../../messaging/batch-policy.ts'
import { classify, type Failure } from '../../messaging/failure.ts'
import { findCulprits, findFirstCulprit } from '../../messaging/find-culprits.ts'
import { holdThroughOutage, MAX_HOLD_MS, type HoldOptions } from '../../messaging/hold.ts'
import type { Clock } from '../../ports/clock.ts'
import { isChange, readEvent } from '../../messaging/records/envelope.ts'
import type { DeliveredRecord } from '../../messaging/records/kafka-event.ts'
import { withoutJourney, withProvenMarks } from '../../messaging/records/original-record.ts'
import type { PublishedHere } from '../../messaging/records/published-here.ts'
import { placeOf, readJourney } from '../../messaging/parking/parking.ts'
import type { PipelineEmitter } from '../../messaging/pipeline-events.ts'
import type { RedriveProofs } from '../../messaging/parking/redrive-proof.ts'
import type { OrderStore, ParkedRecord, StoreBatch, StoreOutcome } from '../../ports/order-store.ts'
import { readAllExactly } from '../log/exact-record.ts'
import type { Originals } from '../log/read-original.ts'
import {
  changeFigures,
  firstChanges,
  groupsOf,
  outcomesOf,
  toBatch,
  type Outcomes,
  type Readable,
} from './events-of-batch.ts'
import type { HandleDelivery } from './handle-delivery.ts'
import { holdWhileBusy } from './hold-while-busy.ts'
import type { Park, Unstorable } from './park.ts'
import { createRecordsOfUndecided } from './undecided-changes.ts'
import { transactions } from '../log/transactions.ts'

const DECODED_AT_ONCE = 50

interface Decoded {
  readonly readable: Readable[]
  readonly unreadable: Unstorable[]
}

/** Stores orders and their changes, and parks records that cannot be stored; the ledger accounts for all of them. */
export function createStoreOrders(dependencies: {
  originals: Originals
  store: Pick<OrderStore, 'storeBatch' | 'previewBatch'>
  park: Park
  groupId: string
  /** `origin` for the orders topic, `copy` for a retry topic. */
  delivered: StoreBatch['delivered']
  proofs: Pick<RedriveProofs, 'holds'>
  /** Undefined for copies, and in a process that accepts no orders. */
  publishedHere?: PublishedHere | undefined
  clock: Clock
  events: PipelineEmitter
  signal: AbortSignal
}): HandleDelivery {
  const { originals, store, park, groupId, delivered, proofs, publishedHere, clock, events, signal } = dependencies
  const recordsOfUndecided = createRecordsOfUndecided({ originals, proofs, events })
  let failedInARow = 0

  /** Runs one transaction after another. During each transaction, the records for the next one are decoded. */
  return async function storeOrders(records, deliveredAt = clock.now()) {
    let ahead: Promise<Decoded> | undefined
    const slices = [...transactions(records)]
    for (const [index, slice] of slices.entries()) {
      const decoded = await (ahead ?? decode(slice))
      const next = slices[index + 1]
      ahead = next && decode(next)
      // This promise is not awaited until the next round. If the current transaction fails first, only this handler
      // prevents an unhandled rejection.
      ahead?.catch(() => undefined)
      await storeSlice(decoded, deliveredAt)
    }
  }

  async function storeSlice({ readable, unreadable }: Decoded, deliveredAt: number): Promise<void> {
    const startedAt = clock.now()
    const topic = (readable[0] ?? unreadable[0])?.record.topic ?? ''
    const deadline = deliveredAt + MAX_HOLD_MS
    const hold: HoldOptions = { clock, events, of: 'store', signal, deadline }

    // Unreadable records are parked first, because the ledger must not count them before they are durable elsewhere.
    const parked = await park(unreadable, hold)
    let batch = readable
    let tried = { attempt: 1, attemptsBeganAt: clock.now(), holds: 0 }
    /** Whether the batch failed although storing its records as copies succeeded. */
    let isUnexplained = false
    let isWholeFailing = false
    /**
     * Whether the first record of each order has been parked. If so, the remaining records prove nothing about the
     * orders in the batch.
     */
    let onlyFollowers = false
    let result = await attempt(batch, parked, hold)
    while (result.kind !== 'stored') {
      if (result.kind === 'blamed' && !onlyFollowers) {
        isWholeFailing = failsAsAWhole(result.blamed, groupsOf(batch).length, delivered)
        failedInARow = isWholeFailing ? failedInARow + 1 : 0
      }
      const limits = { nowMs: clock.now(), deadline, isStopping: signal.aborted, random: clock.random }
      const step = decideBatch(result, { ...tried, failedInARow }, limits)
      if (step.kind === 'give-back') throw step.error
      if (step.kind === 'find-culprits') {
        const found = await findBlamed(batch, step.failure, hold)
        const blamed = found.length === 0 && isUnexplained ? firstChanges(batch, step.failure) : found
        isUnexplained = found.length === 0 && step.failure.class !== 'transient'
        result = { kind: 'blamed', blamed }
        continue
      }
      if (step.kind === 'store') {
        const { cause, error } = step.failure
        events.emit('attempt:failed', { topic, attempt: tried.attempt, records: batch.length, cause, error })
        await clock.sleep(step.waitMs, signal)
        tried = { ...tried, attempt: tried.attempt + 1 }
      } else if (step.kind === 'hold') {
        const { cause, error } = step.failure
        if (tried.holds === 0) events.emit('batch:held', { topic, records: batch.length, cause, error })
        await clock.sleep(step.waitMs, signal)
        tried = { attempt: 1, attemptsBeganAt: clock.now(), holds: tried.holds + 1 }
      } else {
        onlyFollowers = isWholeFailing
        parked.push(...(await park(step.blamed, hold)))
        const culprits = new Set(step.blamed.map(({ record }) => record))
        batch = batch.filter(({ record }) => !culprits.has(record))
        tried = { ...tried, attempt: 1, attemptsBeganAt: clock.now() }
      }
      result = await attempt(batch, parked, hold)
    }
    if (batch.length > 0 && !onlyFollowers) failedInARow = 0
    tell(topic, result.outcomes, batch, parked.length, startedAt)
  }

  /** Yields at intervals, because decoding 500 large orders without a pause would keep HTTP requests waiting. */
  async function decode(delivery: readonly DeliveredRecord[]): Promise<Decoded> {
    const records = await read(delivery)
    const readable: Readable[] = []
    const unreadable: Unstorable[] = []
    for (const [index, record] of records.entries()) {
      if (index > 0 && index % DECODED_AT_ONCE === 0) await clock.yield()
      // The origin of a record in the orders topic is its own position, whatever its headers say.
      const journey = delivered === 'copy' ? (record.journey ?? readJourney(record)) : undefined
      try {
        readable.push({ record, journey, event: readEvent(record, journey?.origin ?? placeOf(record), publishedHere) })
      } catch (error) {
        unreadable.push({ record, journey, event: null, failure: classify(error) })
      }
    }
    return { readable, unreadable }
  }

  /** The records' exact bytes. In the orders topic, headers that claim another origin are removed. */
  async function read(delivery: readonly DeliveredRecord[]): Promise<DeliveredRecord[]> {
    if (delivered === 'copy') return readAllExactly(originals, delivery)
    const records = await readAllExactly(originals, delivery.map(withoutJourney))
    return records.map((record) => withProvenMarks(record, proofs))
  }

  /**
   * One transaction for the whole batch. Holds the batch during an outage of the store; the caller handles any other
   * failure.
   */
  async function attempt(
    batch: readonly Readable[],
    parked: readonly ParkedRecord[],
    hold: HoldOptions,
  ): Promise<{ kind: 'stored'; outcomes: Outcomes } | Setback<Unstorable>> {
    try {
      const result = await holdThroughOutage(() => storeAs(delivered, batch, parked), hold)
      const outcomes = outcomesOf(batch, result)
      const blamed: Unstorable[] = batch.flatMap((readable, index) => {
        const outcome = outcomes[index]
        if (outcome?.kind !== 'rejected') return []
        return [{ ...readable, failure: classify(new OrderError(outcome.code, outcome.detail)) }]
      })
      if (result.undecided !== undefined) blamed.push(...(await recordsOfUndecided(result.undecided, batch, parked)))
      return blamed.length === 0 ? { kind: 'stored', outcomes } : { kind: 'blamed', blamed }
    } catch (error) {
      return { kind: 'failed', failure: classify(error) }
    }
  }

  /**
   * Finds the records that make the batch fail. If the store is too busy to store any order, no record is blamed for a
   * transient failure; this is checked before and after the search for culprits. Among the records of one order, the
   * first that fails is blamed. Later records of that order are not tried, because they must not overtake the first:
   * they stay in the batch, and wait in the store once the first record is parked.
   */
  async function findBlamed(batch: readonly Readable[], { class: kind }: Failure, hold: HoldOptions) {
    if (kind === 'transient' && (await holdWhileBusy(store, hold))) return []
    // Stores the records as if they were copies, so that no offset is counted before the culprits are parked. Good
    // orders are stored along the way.
    const tryToStore = async (some: readonly Readable[]) => {
      // A process that is stopping cannot wait until the culprits are found, which may take long if the store is slow.
      signal.throwIfAborted()
      if (clock.now() > hold.deadline) {
        const detail = 'The store is too slow to find out which orders cannot be stored.'
        throw new OrderError('store-unavailable', detail, { retriable: true })
      }
      await storeAs('copy', some, [])
    }
    const culprits = await findCulprits(groupsOf(batch), (groups) => tryToStore(groups.flat()))
    const blamed: Unstorable[] = []
    for (const { item: group, failure } of culprits) {
      const [only, ...others] = group
      const isAlone = only !== undefined && others.length === 0
      const first = isAlone ? { item: only, failure } : await findFirstCulprit(group, tryToStore)
      if (first !== undefined) blamed.push({ ...first.item, failure: first.failure })
    }
    const certain = blamed.filter(({ failure }) => failure.class !== 'transient')
    const isBusy = certain.length < blamed.length && (await holdWhileBusy(store, hold))
    return isBusy ? certain : blamed
  }

  function storeAs(how: StoreBatch['delivered'], batch: readonly Readable[], parked: readonly ParkedRecord[]) {
    const now = new Date(clock.now()).toISOString()
    const events = toBatch(batch.map(({ event }) => event))
    return store.storeBatch({ groupId, delivered: how, ...events, parked, now })
  }

  function tell(
    topic: string,
    outcomes: Outcomes,
    batch: readonly Readable[],
    parked: number,
    startedAt: number,
  ): void {
    const now = clock.now()
    const ordersThat = (kind: StoreOutcome['kind']) =>
      batch.flatMap(({ event }, index) => (outcomes[index]?.kind === kind && !isChange(event) ? [event] : []))
    const stored = ordersThat('stored')
    const changes = changeFigures(batch, outcomes)
    events.emit('batch:stored', {
      topic,
      stored: stored.map(({ orderId }) => orderId),
      duplicates: ordersThat('duplicate').map(({ orderId }) => orderId),
      parked,
      ...(changes !== undefined && { changes }),
      durationMs: now - startedAt,
      latenciesMs: stored
        .filter(({ acceptedAt }) => acceptedAt !== UNKNOWN_TIME)
        .map(({ acceptedAt }) => Math.max(0, now - Date.parse(acceptedAt))),
    })
  }
}
