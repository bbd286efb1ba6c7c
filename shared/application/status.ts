import type { Topics } from '../messaging/topics.ts'
import { nextOffset, type EventLog } from '../ports/event-log.ts'
import type { Ledger, ParkedState } from '../ports/ledger.ts'
import type { CheckReadiness, Readiness } from './readiness.ts'

/**
 * Where the pipeline stands. Every number comes from the log's offsets and the store, never from one process's counters,
 * so that any instance answers for all of them. Rates are for whoever asks twice.
 */
export interface PipelineStatus {
  /** RFC 3339. */
  readonly at: string
  readonly orders: {
    readonly topic: string
    /** Records of the orders topic since its beginning. */
    readonly records: number
    readonly stored: number
    readonly duplicate: number
    /** Records that no consumer has committed yet. */
    readonly lag: number
    /** Offsets behind a transaction that is open, which nobody can read before it ends; not part of the lag. */
    readonly behindTransaction: number
    readonly partitions: readonly PartitionStatus[]
  }
  readonly retries: readonly {
    readonly tier: number
    readonly topic: string
    readonly delayMs: number
    readonly waiting: number
  }[]
  readonly deadLetters: { readonly topic: string; readonly records: number; readonly waiting: number }
  /** What became of every record that was ever parked. */
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
  checkReadiness: CheckReadiness
  now: () => Date
}): () => Promise<PipelineStatus> {
  const { log, ledger, topics, checkReadiness, now } = dependencies

  return async function pipelineStatus() {
    const [orders, retries, deadLetters, { partitions, parked }, readiness] = await Promise.all([
      standOf(topics.orders, topics.group),
      Promise.all(
        topics.retries.map(async ({ tier, topic, delayMs, group }) => {
          return { tier, topic, delayMs, waiting: lagOf(await standOf(topic, group)) }
        }),
      ),
      standOf(topics.deadLetters, topics.deadLetterGroup),
      ledger.read(topics.group, 0),
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
        partitions: orders,
      },
      retries,
      deadLetters: { topic: topics.deadLetters, records: recordsOf(deadLetters), waiting: lagOf(deadLetters) },
      parked,
      readiness,
    }
  }

  async function standOf(topic: string, groupId: string): Promise<PartitionStatus[]> {
    const [committed, offsets] = await Promise.all([log.committed(groupId, topic), log.offsets(topic)])
    return offsets.map(({ partition, first, end, behindTransaction = 0 }) => {
      const position = committed.get(partition) ?? first
      const lag = Math.max(0, end - nextOffset(committed, { partition, first }))
      return { partition, first, end, committed: position, lag, behindTransaction }
    })
  }
}

function recordsOf(partitions: readonly PartitionStatus[]): number {
  return partitions.reduce((total, { first, end }) => total + end - first, 0)
}

function lagOf(partitions: readonly PartitionStatus[]): number {
  return partitions.reduce((total, { lag }) => total + lag, 0)
}
