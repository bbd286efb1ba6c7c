import type { RecordPosition } from '../../../ports/event-log.ts'

export interface NumberedPartition {
  /**
   * The partition's number, from 1, in the order in which all transactions lock partitions: by consumer group, topic
   * and partition.
   */
  readonly n: number
  readonly groupId?: string
  readonly topic: string
  readonly partition: number
}

/**
 * The distinct partitions of these positions. A transaction that decides the outcome of records first locks their
 * partitions (locks.ts).
 */
export function toPartitions(places: readonly (RecordPosition & { readonly groupId?: string })[]): NumberedPartition[] {
  const partitions = new Map(
    places.map(({ groupId, topic, partition }) => [
      JSON.stringify([groupId, topic, partition]),
      { ...(groupId !== undefined && { groupId }), topic, partition },
    ]),
  )
  return [...partitions.values()]
    .toSorted(
      (one, other) =>
        compare(one.groupId ?? '', other.groupId ?? '') ||
        compare(one.topic, other.topic) ||
        one.partition - other.partition,
    )
    .map((partition, index) => ({ n: index + 1, ...partition }))
}

function compare(one: string, other: string): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}
