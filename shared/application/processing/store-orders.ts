import { OrderError } from '../../domain/errors.ts'
import { UNKNOWN_TIME } from '../../domain/times.ts'
import { attemptInPlace, findCulprits, type AttemptOptions, type Culprit } from '../../messaging/attempt.ts'
import { fromMessage } from '../../messaging/records/envelope.ts'
import { classify } from '../../messaging/failure.ts'
import { MAX_HOLD_MS, type Clock } from '../../messaging/hold.ts'
import type { DeliveredRecord } from '../../messaging/records/kafka-event.ts'
import { withoutJourney, withProvenMarks } from '../../messaging/records/original-record.ts'
import { originOf } from '../../messaging/parking/parking.ts'
import type { PipelineEmitter } from '../../messaging/pipeline-events.ts'
import type { RedriveProofs } from '../../messaging/parking/redrive-proof.ts'
import { backoffMs, PROBE_BACKOFF } from '../../messaging/retry-policy.ts'
import type { EventLog, LogRecord } from '../../ports/event-log.ts'
import type { OrderStore, OrderToStore, ParkedRecord, StoreBatch, StoreOutcome } from '../../ports/order-store.ts'
import { readAllExactly } from '../log/exact-record.ts'
import { holdWhileBusy } from './hold-while-busy.ts'
import type { Park, Unstorable } from './park.ts'
import { transactions } from '../log/transactions.ts'

const DECODED_AT_ONCE = 50

/**
 * Brings a batch of delivered records into the store. Resolves only when every record is stored, known as a duplicate,
 * or safely parked in a retry topic or the dead-letter topic, and the ledger accounts for it; rejects only when it could
 * do neither, so that the trigger delivers the batch again. `deliveredAt` (milliseconds since 1970, now if absent) is when
 * the delivery came that these are a portion of: how long it may be held is counted from there.
 */
export type StoreOrders = (records: readonly DeliveredRecord[], deliveredAt?: number) => Promise<void>

interface Readable {
  readonly record: LogRecord
  readonly order: OrderToStore
}

interface Decoded {
  readonly readable: Readable[]
  readonly unreadable: Unstorable[]
}

export function createStoreOrders(dependencies: {
  log: Pick<EventLog, 'read'>
  store: Pick<OrderStore, 'storeBatch' | 'previewBatch'>
  park: Park
  groupId: string
  /** `origin` for the orders topic, `copy` for a retry topic. */
  delivered: StoreBatch['delivered']
  proofs: Pick<RedriveProofs, 'holds'>
  clock: Clock
  events: PipelineEmitter
  signal: AbortSignal
}): StoreOrders {
  const { log, store, park, groupId, delivered, proofs, clock, events, signal } = dependencies
  let failedBatchesInARow = 0

  /** One transaction after the other; while the store is at one, the next is decoded. */
  return async function storeOrders(records, deliveredAt = clock.now()) {
    let ahead: Promise<Decoded> | undefined
    const slices = [...transactions(records)]
    for (const [index, slice] of slices.entries()) {
      const decoded = await (ahead ?? decode(slice))
      const next = slices[index + 1]
      ahead = next && decode(next)
      // It is awaited in its turn, unless this one fails before.
      ahead?.catch(() => undefined)
      await storeSlice(decoded, deliveredAt)
    }
  }

  async function storeSlice({ readable, unreadable }: Decoded, deliveredAt: number): Promise<void> {
    const first = readable[0] ?? unreadable[0]
    const startedAt = clock.now()
    const deadline = deliveredAt + MAX_HOLD_MS
    const options = { clock, events, signal, deadline, topic: first?.record.topic ?? '' }

    // Poison is parked first: the ledger may count it only when it is safe elsewhere.
    const parked = await park(unreadable, options)
    let good = readable
    let isHeld = false
    for (let round = 1; ; round += 1) {
      const { outcomes, blamed } = await storeOrBlame(good, parked, options)
      if (outcomes !== null) {
        if (good.length > 0) failedBatchesInARow = 0
        tell(options.topic, outcomes, good, parked.length, startedAt)
        return
      }
      const innocent = isOutageInDisguise(blamed, good) ? blamed[0] : undefined
      if (innocent !== undefined) {
        const { cause, error } = innocent.failure
        if (!isHeld) events.emit('batch:held', { topic: options.topic, records: good.length, cause, error })
        isHeld = true
        await pause(round, options, error)
      } else {
        parked.push(...(await park(blamed, options)))
        const culprits = new Set(blamed.map(({ record }) => record))
        good = good.filter(({ record }) => !culprits.has(record))
      }
    }
  }

  /** A little at a time: decoding 500 large orders in one go would keep HTTP requests waiting. */
  async function decode(delivery: readonly DeliveredRecord[]): Promise<Decoded> {
    const records = await read(delivery)
    const readable: Readable[] = []
    const unreadable: Unstorable[] = []
    for (const [index, record] of records.entries()) {
      if (index > 0 && index % DECODED_AT_ONCE === 0) await clock.yield()
      try {
        readable.push({ record, order: fromMessage(record, originOf(record)) })
      } catch (error) {
        unreadable.push({ record, order: null, failure: classify(error) })
      }
    }
    return { readable, unreadable }
  }

  /** The very bytes; of the orders topic without what a copy there says of another place. */
  async function read(delivery: readonly DeliveredRecord[]): Promise<LogRecord[]> {
    if (delivered === 'copy') return readAllExactly(log, delivery)
    const records = await readAllExactly(log, delivery.map(withoutJourney))
    return records.map((record) => withProvenMarks(record, proofs))
  }

  /** One transaction for the whole batch when all is well; otherwise, who cannot be stored and why. */
  async function storeOrBlame(
    batch: readonly Readable[],
    parked: readonly ParkedRecord[],
    options: AttemptOptions,
  ): Promise<{ outcomes: readonly StoreOutcome[]; blamed: [] } | { outcomes: null; blamed: readonly Unstorable[] }> {
    try {
      const { outcomes } = await attemptInPlace(batch.length, () => storeAs(delivered, batch, parked), options)
      const blamed = batch.flatMap(({ record, order }, index) => {
        const outcome = outcomes[index]
        if (outcome?.kind !== 'rejected') return []
        return [{ record, order, failure: classify(new OrderError(outcome.code, outcome.detail)) }]
      })
      return blamed.length === 0 ? { outcomes, blamed: [] } : { outcomes: null, blamed }
    } catch (error) {
      const { class: kind } = classify(error)
      if (kind === 'outage' || signal.aborted || clock.now() > options.deadline) throw error
      // Busy for all: nobody is to blame, and the batch is tried again.
      if (kind === 'transient' && (await holdWhileBusy(store, options))) return { outcomes: null, blamed: [] }
      // As copies: what is good is stored on the way, and no offset is counted before the culprits are parked.
      const culprits = await findCulprits(batch, async (some) => {
        // In a slow store this takes long, and a process that is stopping has no time for it.
        signal.throwIfAborted()
        if (clock.now() > options.deadline) {
          throw new OrderError('store-unavailable', 'Too slow to tell which orders it cannot store.', {
            retriable: true,
          })
        }
        await storeAs('copy', some, [])
      })
      return { outcomes: null, blamed: await withoutInnocent(culprits, options) }
    }
  }

  /** The store may have become busy for all while culprits were looked for. */
  async function withoutInnocent(
    culprits: readonly Culprit<Readable>[],
    options: AttemptOptions,
  ): Promise<Unstorable[]> {
    const blamed = culprits.map(({ item, failure }) => ({ ...item, failure }))
    const isBusy = blamed.some(({ failure }) => failure.class === 'transient') && (await holdWhileBusy(store, options))
    return isBusy ? blamed.filter(({ failure }) => failure.class !== 'transient') : blamed
  }

  function storeAs(how: StoreBatch['delivered'], batch: readonly Readable[], parked: readonly ParkedRecord[]) {
    const orders = batch.map(({ order }) => order)
    return store.storeBatch({ groupId, delivered: how, orders, parked, now: new Date(clock.now()).toISOString() })
  }

  /**
   * A fault that fails every record of two batches in a row is no record's fault: it is held like an outage. A batch of
   * one says nothing about the others, so it never is. Nor is a bug in a retry topic, which by its nature holds what
   * fails: a few bad orders would keep their tier, and every good order in it, from going on.
   */
  function isOutageInDisguise(blamed: readonly Unstorable[], batch: readonly Readable[]): boolean {
    const allFailed =
      blamed.length === batch.length &&
      blamed.every(
        ({ failure }) => failure.class === 'transient' || (failure.class === 'bug' && delivered === 'origin'),
      )
    failedBatchesInARow = allFailed && batch.length > 1 ? failedBatchesInARow + 1 : 0
    return failedBatchesInARow > 1
  }

  async function pause(round: number, { deadline }: AttemptOptions, cause: unknown): Promise<void> {
    const waitMs = backoffMs(PROBE_BACKOFF, round, clock.random)
    if (clock.now() + waitMs > deadline) {
      throw new OrderError('internal', 'Every order of two batches in a row failed: the batch is given back.', {
        retriable: true,
        cause,
      })
    }
    await clock.sleep(waitMs, signal)
  }

  function tell(
    topic: string,
    outcomes: readonly StoreOutcome[],
    batch: readonly Readable[],
    parked: number,
    startedAt: number,
  ): void {
    const now = clock.now()
    const ordersThat = (kind: StoreOutcome['kind']) =>
      batch.flatMap(({ order }, index) => (outcomes[index]?.kind === kind ? [order] : []))
    const stored = ordersThat('stored')
    events.emit('batch:stored', {
      topic,
      stored: stored.map(({ orderId }) => orderId),
      duplicates: ordersThat('duplicate').map(({ orderId }) => orderId),
      parked,
      durationMs: now - startedAt,
      latenciesMs: stored
        .filter(({ acceptedAt }) => acceptedAt !== UNKNOWN_TIME)
        .map(({ acceptedAt }) => Math.max(0, now - Date.parse(acceptedAt))),
    })
  }
}
