import { OrderError } from '../../domain/errors.ts'
import { readEvent } from '../../messaging/records/envelope.ts'
import { classify } from '../../messaging/failure.ts'
import { MAX_HOLD_MS } from '../../messaging/hold.ts'
import type { Clock } from '../../ports/clock.ts'
import { withoutJourney, withProvenMarks } from '../../messaging/records/original-record.ts'
import { originOf, placeOf, readJourney } from '../../messaging/parking/parking.ts'
import type { RedriveProofs } from '../../messaging/parking/redrive-proof.ts'
import type { Topics } from '../../messaging/topics.ts'
import { deadLetterId } from '../../ports/dead-letters.ts'
import type { EventLog, LogRecord, RecordPosition } from '../../ports/event-log.ts'
import type { Maintenance } from '../../ports/maintenance.ts'
import type { OrderStore, StoreBatch } from '../../ports/order-store.ts'
import type { Act } from '../../ports/redrives.ts'
import { readExactly } from '../log/exact-record.ts'
import { RECORDS_AT_ONCE } from '../log/read-beyond-unreadable.ts'
import type { Park } from '../processing/park.ts'
import type { HandleDelivery } from '../processing/handle-delivery.ts'

export interface TakenOut {
  /** The id of the resulting dead letter: the record's original topic, partition and offset. */
  readonly letterId: string
  readonly group: string
  /** How many records waited ahead of the removed record. They were processed normally. */
  readonly processed: number
}

/**
 * Takes out a record that a consumer cannot get past. The record is kept byte for byte as a dead letter, the ledger
 * counts it as parked, and the group moves past it. Records that wait ahead of it are processed first, so that none is
 * skipped. A record in the dead-letter topic is already a letter, and is kept as such.
 *
 * Every step can be repeated, so if a call fails, repeating it completes the removal. Rejects with `conflict` while
 * the group has members or if the group is already past the record, and with `not-found` if there is no such record.
 * Rejects with `log-unreadable` if the record, or one before it, lies in a batch that cannot be read: there are no
 * bytes for a dead letter, and the only remedy is to move the group past the batch.
 */
export type TakeOut = (place: RecordPosition, act: Act) => Promise<TakenOut>

/**
 * More records than any delivery contains. If more records than this come before the record to be taken out, the
 * consumer can get closer to that record on its own.
 */
export const MAX_BEFORE = 2000

interface Source {
  readonly topic: string
  readonly group: string
  readonly process: HandleDelivery
  /** The record as its consumer sees it. In the orders topic, headers that describe a parked record are ignored. */
  readonly asProcessed: (record: LogRecord) => LogRecord
  readonly takeOut: (record: LogRecord) => Promise<void>
}

export function createTakeOut(dependencies: {
  log: Pick<EventLog, 'committed' | 'offsets' | 'read' | 'members' | 'moveGroup'>
  store: Pick<OrderStore, 'storeBatch'>
  maintenance: Pick<Maintenance, 'recordAct'>
  park: Park
  /** Prevents a group that is new to the topic from counting offsets before the log start as lost. */
  beginLedger: () => Promise<void>
  proofs: Pick<RedriveProofs, 'holds'>
  topics: Topics
  processing: {
    readonly storeOrders: HandleDelivery
    /** Stores at once, without waiting until records are due. */
    readonly storeCopies: HandleDelivery
    readonly keepDeadLetters: HandleDelivery
  }
  clock: Clock
  signal: AbortSignal
}): TakeOut {
  const { log, store, maintenance, park, beginLedger, proofs, topics, processing, clock, signal } = dependencies
  const originals = { log, ordersTopic: topics.orders }
  const sources: readonly Source[] = [
    {
      topic: topics.orders,
      group: topics.group,
      process: processing.storeOrders,
      asProcessed: (one) => withProvenMarks(withoutJourney(one), proofs),
      takeOut: (one) => bury(one, 'origin'),
    },
    ...topics.retries.map(({ topic, group }): Source => {
      const process = processing.storeCopies
      return { topic, group, process, asProcessed: (one) => one, takeOut: (one) => bury(one, 'copy') }
    }),
    {
      topic: topics.deadLetters,
      group: topics.deadLetterGroup,
      process: processing.keepDeadLetters,
      asProcessed: (one) => one,
      takeOut: (one) => processing.keepDeadLetters([{ ...one, lossy: false }]),
    },
  ]

  return async function takeOut(place, act) {
    const { topic, partition, offset } = place
    const source = sources.find((one) => one.topic === topic)
    if (source === undefined) throw new OrderError('not-found', `${topic} is not a topic of orders here.`)
    const { group } = source
    await refuseMembers(group, topic)
    const next = await nextOf(source, place)
    const [found] = await log.read(topic, partition, offset, 1)
    if (found?.offset !== offset) throw new OrderError('not-found', `The log has no record at ${deadLetterId(place)}.`)
    const record = source.asProcessed(found)

    // The audit entry comes first, so that an act whose outcome is unknown is recorded too.
    await maintenance.recordAct('take-out', deadLetterId(place), act)
    await beginLedger()
    const processed = await processBefore(source, place, next)
    await source.takeOut(record)
    await log.moveGroup(group, topic, partition, offset + 1)
    return { letterId: deadLetterId(originOf(record)), group, processed }
  }

  /** Kafka does not change the offsets of a group that has members. */
  async function refuseMembers(group: string, topic: string): Promise<void> {
    const members = await log.members(group, topic)
    if (members.length === 0) return
    const addresses = [...new Set(members.map(({ address }) => address))].join(', ')
    throw new OrderError(
      'conflict',
      `The group ${group} has consumers (${addresses}) and can be moved only when it has none: stop every process that consumes ${topic}, wait a minute, and try again.`,
    )
  }

  /** The group's next offset, which must not be beyond the record. */
  async function nextOf({ topic, group }: Source, { partition, offset }: RecordPosition): Promise<number> {
    const committed = await log.committed(group, topic)
    const bounds = (await log.offsets(topic)).find((one) => one.partition === partition)
    if (bounds === undefined) throw new OrderError('not-found', `${topic} has no partition ${partition}.`)
    const next = Math.max(committed.get(partition) ?? bounds.first, bounds.first)
    if (offset < bounds.first) {
      const place = deadLetterId({ topic, partition, offset })
      throw new OrderError('not-found', `${place} has left the log, which begins at ${bounds.first} now.`)
    }
    if (offset < next) {
      throw new OrderError('conflict', `The group ${group} is already past ${offset}: it continues at ${next}.`)
    }
    if (offset - next > MAX_BEFORE) {
      throw new OrderError(
        'conflict',
        `The group ${group} is at ${next}, ${offset - next} offsets before ${offset}: its consumer can get closer on its own, so start it again first.`,
      )
    }
    return next
  }

  async function processBefore(
    { topic, group, process }: Source,
    place: RecordPosition,
    next: number,
  ): Promise<number> {
    const { partition, offset } = place
    let processed = 0
    for (let from = next; from < offset;) {
      const found = await log.read(topic, partition, from, Math.min(RECORDS_AT_ONCE, offset - from))
      const records = found.filter((record) => record.offset < offset)
      const last = records.at(-1)
      if (last === undefined) break
      await process(records.map((record) => ({ ...record, lossy: false })))
      from = last.offset + 1
      await log.moveGroup(group, topic, partition, from)
      processed += records.length
    }
    return processed
  }

  /** Parks the record before the ledger counts it, as with a poison record. */
  async function bury(found: LogRecord, delivered: StoreBatch['delivered']): Promise<void> {
    // A stub would otherwise be parked as a record without a value, and nothing would lead to its original any more.
    const record = await readExactly(originals, { ...found, lossy: false })
    const failure = classify(new OrderError('taken-out', 'An operator took this record out of its topic.'))
    const now = clock.now()
    const journey = record.journey ?? readJourney(record)
    const unstorable = { record, journey, event: eventIn(record, journey?.origin ?? placeOf(record)), failure }
    const parked = await park([unstorable], { signal, deadline: now + MAX_HOLD_MS })
    const batch = { groupId: topics.group, delivered, orders: [], parked }
    await store.storeBatch({ ...batch, now: new Date(now).toISOString() })
  }
}

/**
 * Returns the event, so that callers can see the order or change while it is parked; null if the record cannot be read.
 */
function eventIn(record: LogRecord, origin: RecordPosition) {
  try {
    return readEvent(record, origin)
  } catch {
    return null
  }
}
