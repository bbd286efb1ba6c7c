import type { AdminClient } from '../client/admin.ts'

/**
 * The offset that a group reads next in each partition of a topic: the one it committed, or the beginning when it has
 * committed nothing, or an offset that is not in the log because the topic was truncated or recreated.
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
