import type { AdminClient } from '../client/admin.ts'

/**
 * Where a group reads each partition of a topic next: what it committed, or the beginning when that is nothing or is
 * not in the log, which was truncated or made anew.
 */
export async function startingPositions(
  admin: Pick<AdminClient, 'offsets' | 'committed'>,
  groupId: string,
  topic: string,
): Promise<ReadonlyMap<number, number>> {
  const [offsets, committed] = await Promise.all([admin.offsets(topic), admin.committed(groupId, topic)])
  return new Map(
    offsets.map(({ partition, first, end }) => {
      const next = committed.get(partition) ?? first
      return [partition, next >= first && next <= end ? next : first]
    }),
  )
}
