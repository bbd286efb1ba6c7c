import { isOrderError } from '../../domain/errors.ts'
import type { EventLog, LogRecord, RecordPosition } from '../../ports/event-log.ts'

export interface Originals {
  readonly log: Pick<EventLog, 'read' | 'offsets'>
  /** Originals are in this topic, unless a copy was written by somebody else or under other settings. */
  readonly ordersTopic: string
}

/**
 * The record at a position that a header or the store names. Undefined if the log does not have it, or cannot decode
 * it. Rejects with `log-unavailable` during an outage.
 *
 * Anybody who can write to a topic can name any position, and the orders topic may have been recreated with fewer
 * partitions. The log rejects reading from a topic or partition that does not exist as if the log were unavailable, so
 * such a rejection counts as an outage only if the orders topic cannot be asked either, or has the partition.
 */
export async function readOriginal(originals: Originals, place: RecordPosition): Promise<LogRecord | undefined> {
  const { topic, partition, offset } = place
  try {
    const [found] = await originals.log.read(topic, partition, offset, 1)
    return found?.offset === offset ? found : undefined
  } catch (error) {
    if (!isOrderError(error)) throw error
    if (error.code === 'log-unreadable') return undefined
    if (error.code !== 'log-unavailable' || (await isInOrdersTopic(originals, place))) throw error
    return undefined
  }
}

async function isInOrdersTopic(
  { log, ordersTopic }: Originals,
  { topic, partition }: RecordPosition,
): Promise<boolean> {
  const partitions = await log.offsets(ordersTopic)
  return topic === ordersTopic && partitions.some((one) => one.partition === partition)
}
