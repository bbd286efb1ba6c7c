import { OrderError } from '../../domain/errors.ts'
import { fromMessage } from '../../messaging/records/envelope.ts'
import { classify } from '../../messaging/failure.ts'
import { MAX_HOLD_MS } from '../../messaging/hold.ts'
import type { Clock } from '../../ports/clock.ts'
import { withoutJourney, withProvenMarks } from '../../messaging/records/original-record.ts'
import { originOf, readJourney } from '../../messaging/parking/parking.ts'
import type { RedriveProofs } from '../../messaging/parking/redrive-proof.ts'
import type { Topics } from '../../messaging/topics.ts'
import { deadLetterId } from '../../ports/dead-letters.ts'
import type { EventLog, LogRecord, RecordPosition } from '../../ports/event-log.ts'
import type { Maintenance } from '../../ports/maintenance.ts'
import type { OrderStore, StoreBatch } from '../../ports/order-store.ts'
import type { Act } from '../../ports/redrives.ts'
import { RECORDS_AT_ONCE } from '../log/read-beyond-unreadable.ts'
import type { Park } from '../processing/park.ts'
import type { HandleDelivery } from '../processing/handle-delivery.ts'

export interface TakenOut {
  /** The dead letter that it is now: its origin's place. */
  readonly letterId: string
  readonly group: string
  /** Records that waited before it, which were processed as any other. */
  readonly processed: number
}

/**
 * Takes one record out of the way of a consumer that cannot get past it: makes it a dead letter, byte for byte, has the
 * ledger count it as parked, and moves the group behind it. What waits before it is processed first, so that nothing is
 * passed over. A record of the dead-letter topic is kept as the letter that it is.
 *
 * Every step may be repeated: after a failure on the way the same act ends what it began. Rejects with `conflict` while
 * anybody is in the group, or when the group is past the record already, and with `not-found` when there is no such one.
 * Rejects with `log-unreadable` when it, or a record that waits before it, lies in a batch that nobody can read: there are no
 * bytes that could become a dead letter, and only moving the group behind the batch helps.
 */
export type TakeOut = (place: RecordPosition, act: Act) => Promise<TakenOut>

/** More than one delivery holds: beyond it the consumer gets on by itself as far as that. */
export const MAX_BEFORE = 2000

interface Source {
  readonly topic: string
  readonly group: string
  readonly process: HandleDelivery
  /** The record as its consumer takes it, who believes no journey in the orders topic. */
  readonly asProcessed: (record: LogRecord) => LogRecord
  readonly takeOut: (record: LogRecord) => Promise<void>
}

export function createTakeOut(dependencies: {
  log: Pick<EventLog, 'committed' | 'offsets' | 'read' | 'members' | 'moveGroup'>
  store: Pick<OrderStore, 'storeBatch'>
  maintenance: Pick<Maintenance, 'recordAct'>
  park: Park
  /** So that a group that is new to the topic takes nothing before the log's beginning for lost. */
  beginLedger: () => Promise<void>
  proofs: Pick<RedriveProofs, 'holds'>
  topics: Topics
  processing: {
    readonly storeOrders: HandleDelivery
    /** At once, without waiting until they are due. */
    readonly storeCopies: HandleDelivery
    readonly keepDeadLetters: HandleDelivery
  }
  clock: Clock
  signal: AbortSignal
}): TakeOut {
  const { log, store, maintenance, park, beginLedger, proofs, topics, processing, clock, signal } = dependencies
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

    // First: an act that nobody can say was carried out is on record too.
    await maintenance.recordAct('take-out', deadLetterId(place), act)
    await beginLedger()
    const processed = await processBefore(source, place, next)
    await source.takeOut(record)
    await log.moveGroup(group, topic, partition, offset + 1)
    return { letterId: deadLetterId(originOf(record)), group, processed }
  }

  /** Kafka takes no position from outside while a group has members. */
  async function refuseMembers(group: string, topic: string): Promise<void> {
    const members = await log.members(group, topic)
    if (members.length === 0) return
    const addresses = [...new Set(members.map(({ address }) => address))].join(', ')
    throw new OrderError(
      'conflict',
      `The group ${group} has consumers (${addresses}) and can be moved only without any: stop every process that consumes ${topic}, wait a minute, and try again.`,
    )
  }

  /** Where the group stands, in front of the record. */
  async function nextOf({ topic, group }: Source, { partition, offset }: RecordPosition): Promise<number> {
    const committed = await log.committed(group, topic)
    const bounds = (await log.offsets(topic)).find((one) => one.partition === partition)
    if (bounds === undefined) throw new OrderError('not-found', `${topic} has no partition ${partition}.`)
    const next = Math.max(committed.get(partition) ?? bounds.first, bounds.first)
    if (offset < next) {
      throw new OrderError('conflict', `The group ${group} is past ${offset} already: it reads on at ${next}.`)
    }
    if (offset - next > MAX_BEFORE) {
      throw new OrderError(
        'conflict',
        `The group ${group} is at ${next}, ${offset - next} offsets before ${offset}: its consumer gets nearer by itself, so start it again first.`,
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

  /** Parked before the ledger counts it, as poison is. */
  async function bury(record: LogRecord, delivered: StoreBatch['delivered']): Promise<void> {
    const failure = classify(new OrderError('taken-out', 'An operator took this record out of its topic.'))
    const now = clock.now()
    const unstorable = { record, journey: readJourney(record), order: orderIn(record), failure }
    const parked = await park([unstorable], { signal, deadline: now + MAX_HOLD_MS })
    const batch = { groupId: topics.group, delivered, orders: [], parked }
    await store.storeBatch({ ...batch, now: new Date(now).toISOString() })
  }
}

/** So that the order can be found by what is in it, where it can be read. */
function orderIn(record: LogRecord) {
  try {
    return fromMessage(record, originOf(record))
  } catch {
    return null
  }
}
