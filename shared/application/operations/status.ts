import type { Topics } from '../../messaging/topics.ts'
import { nextOffset, type EventLog } from '../../ports/event-log.ts'
import type { Ledger, ParkedState } from '../../ports/ledger.ts'
import type { OrderConsumers } from './order-consumers.ts'
import type { CheckReadiness, Readiness } from './readiness.ts'

/**
 * The state of the pipeline. Every number comes from the log's offsets and the store, never from one process's
 * counters, so that any instance can report on the whole installation. A rate can be computed from two reports.
 */
export interface PipelineStatus {
  /** RFC 3339. */
  readonly at: string
  readonly orders: {
    readonly topic: string
    /** Records in the orders topic since its creation. */
    readonly records: number
    readonly stored: number
    readonly duplicate: number
    /** Records that the group has not committed yet. */
    readonly lag: number
    /** Offsets that cannot be read until an open transaction ends; not part of the lag. */
    readonly behindTransaction: number
    /** Members of the group that processes orders; null if the log did not respond. */
    readonly consumers: number | null
    readonly partitions: readonly PartitionStatus[]
  }
  readonly retries: readonly {
    readonly tier: number
    readonly topic: string
    readonly delayMs: number
    readonly waiting: number
  }[]
  readonly deadLetters: { readonly topic: string; readonly records: number; readonly waiting: number }
  /** How many records have ever been parked, by their current state. */
  readonly parked: Readonly<Record<ParkedState, number>>
  readonly readiness: Readiness
}

export interface PartitionStatus {
  readonly partition: number
  readonly first: number
  readonly end: number
  readonly committed: number
  readonly lag: number
  readonly behindTransaction: number
}

export function createStatus(dependencies: {
  log: Pick<EventLog, 'offsets' | 'committed'>
  ledger: Ledger
  topics: Topics
  orderConsumers: OrderConsumers
  checkReadiness: CheckReadiness
  now: () => Date
  /** Called when the group's members cannot be read. */
  onError: (error: unknown) => void
}): () => Promise<PipelineStatus> {
  const { log, ledger, topics, orderConsumers, checkReadiness, now, onError } = dependencies

  return async function pipelineStatus() {
    const [orders, retries, deadLetters, { partitions, parked }, consumers, readiness] = await Promise.all([
      standIn(log, topics.orders, topics.group),
      Promise.all(
        topics.retries.map(async ({ tier, topic, delayMs, group }) => {
          return { tier, topic, delayMs, waiting: lagOf(await standIn(log, topic, group)) }
        }),
      ),
      standIn(log, topics.deadLetters, topics.deadLetterGroup),
      ledger.read(topics.group, topics.orders, 0),
      countConsumers(),
      checkReadiness(),
    ])
    return {
      at: now().toISOString(),
      orders: {
        topic: topics.orders,
        records: recordsOf(orders),
        stored: partitions.reduce((total, { stored }) => total + stored, 0),
        duplicate: partitions.reduce((total, { duplicate }) => total + duplicate, 0),
        lag: lagOf(orders),
        behindTransaction: orders.reduce((total, { behindTransaction }) => total + behindTransaction, 0),
        consumers,
        partitions: orders,
      },
      retries,
      deadLetters: { topic: topics.deadLetters, records: recordsOf(deadLetters), waiting: lagOf(deadLetters) },
      parked,
      readiness,
    }
  }

  /** Null if the group cannot be read. The other figures are useful even then. */
  async function countConsumers(): Promise<number | null> {
    try {
      return (await orderConsumers()).length
    } catch (error) {
      onError(error)
      return null
    }
  }
}

/** A group's progress in a topic. */
export async function standIn(
  log: Pick<EventLog, 'offsets' | 'committed'>,
  topic: string,
  groupId: string,
): Promise<PartitionStatus[]> {
  const [committed, offsets] = await Promise.all([log.committed(groupId, topic), log.offsets(topic)])
  return offsets.map(({ partition, first, end, behindTransaction = 0 }) => {
    const position = committed.get(partition) ?? first
    const lag = Math.max(0, end - nextOffset(committed, { partition, first }))
    return { partition, first, end, committed: position, lag, behindTransaction }
  })
}

/**
 * Counts the records since the topic was created. A count of the records that are still in the log would fall whenever
 * records are removed.
 */
export function recordsOf(partitions: readonly Pick<PartitionStatus, 'end'>[]): number {
  return partitions.reduce((total, { end }) => total + end, 0)
}

export function lagOf(partitions: readonly PartitionStatus[]): number {
  return partitions.reduce((total, { lag }) => total + lag, 0)
}
