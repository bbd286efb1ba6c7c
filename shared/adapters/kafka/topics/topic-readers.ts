import type { AdminClient } from '../client/admin.ts'

/** Each group costs a request or two; a cluster may have thousands. */
const MAX_GROUPS = 500
const GROUPS_AT_ONCE = 16

/** The consumer groups that have committed an offset in the topic. Asks about at most `MAX_GROUPS` groups. */
export async function topicReaders(admin: AdminClient, topic: string): Promise<readonly string[]> {
  const { groups } = await admin.ask('Asking Kafka for its consumer groups', (kafka) => kafka.listGroups())
  // Other types, such as Kafka Connect's workers, read no records.
  const consumers = groups.filter(({ protocolType }) => protocolType === 'consumer').map(({ groupId }) => groupId)
  const readers: string[] = []
  for (let start = 0; start < Math.min(consumers.length, MAX_GROUPS); start += GROUPS_AT_ONCE) {
    const some = consumers.slice(start, Math.min(start + GROUPS_AT_ONCE, MAX_GROUPS))
    const committed = await Promise.all(some.map((groupId) => admin.committed(groupId, topic)))
    readers.push(...some.filter((_, index) => (committed[index]?.size ?? 0) > 0))
  }
  return readers.toSorted()
}
