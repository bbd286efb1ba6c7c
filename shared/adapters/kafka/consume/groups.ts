import { networkInterfaces } from 'node:os'
import kafkajs from 'kafkajs'
import { OrderError } from '../../../domain/errors.ts'
import type { GroupMember } from '../../../ports/event-log.ts'
import type { AdminClient } from '../client/admin.ts'
import type { Cluster } from '../client/cluster.ts'
import { isRebalancing, kafkaUnavailable } from '../client/errors.ts'
import type { Lazy } from '../client/lazy.ts'
import { within } from '../../../threads/waiting.ts'

/** The group's members, each with its partitions of the topic; empty if the group does not exist. */
export async function membersOf(admin: AdminClient, groupId: string, topic: string): Promise<readonly GroupMember[]> {
  const { groups } = await admin.ask(`Asking Kafka for the members of ${groupId}`, (kafka) =>
    kafka.describeGroups([groupId]),
  )
  const [group] = groups
  const own = ownAddresses()
  return (group?.members ?? []).map(({ clientHost, memberAssignment }) => {
    // Brokers write the host name, if there is one, then a slash and the address.
    const address = canonical(clientHost.slice(clientHost.lastIndexOf('/') + 1))
    return {
      address,
      isHere: own.has(address),
      partitions: group?.state === 'Stable' ? partitionsIn(memberAssignment, topic) : [],
    }
  })
}

function partitionsIn(assignment: Buffer, topic: string): readonly number[] {
  if (assignment.length === 0) return []
  return kafkajs.AssignerProtocol.MemberAssignment.decode(assignment)?.assignment[topic] ?? []
}

function ownAddresses(): ReadonlySet<string> {
  return new Set(
    Object.values(networkInterfaces()).flatMap((addresses) =>
      (addresses ?? []).map(({ address }) => canonical(address)),
    ),
  )
}

/** The canonical form of an address, without the zone of an IPv6 address. */
function canonical(address: string): string {
  const [bare = ''] = address.split('%')
  return bare.includes(':') && URL.canParse(`http://[${bare}]`) ? new URL(`http://[${bare}]`).hostname : bare
}

const COMMIT_TIMEOUT_MS = 15_000
/** Identifies a commit from outside the group. Kafka accepts such commits only while the group is empty. */
const NO_MEMBER = { groupGenerationId: -1, memberId: '' }

/**
 * Sets the offset at which a group without members will continue to read. Rejects with `conflict` if the group has
 * members, because Kafka then refuses the commit.
 */
export async function moveEmptyGroup(
  cluster: Lazy<Cluster>,
  groupId: string,
  topic: string,
  partition: number,
  next: number,
): Promise<void> {
  const topics = [{ topic, partitions: [{ partition, offset: String(next) }] }]
  const committing = cluster.use(async (connected) => {
    const coordinator = await connected.findGroupCoordinator({ groupId })
    await coordinator.offsetCommit({ groupId, ...NO_MEMBER, topics })
  })
  try {
    await within(COMMIT_TIMEOUT_MS, `Moving ${groupId} past a record`, committing)
  } catch (error) {
    if (!isRebalancing(error)) throw kafkaUnavailable(`Kafka did not move ${groupId}`, error)
    throw new OrderError('conflict', `The group ${groupId} has members, so only they can commit its offsets.`, {
      cause: error,
    })
  }
}

/** Each group takes one or two requests, and a cluster may have thousands of groups. */
const MAX_GROUPS = 500
const GROUPS_AT_ONCE = 16

/** The consumer groups that have committed an offset for the topic. Asks about at most `MAX_GROUPS` groups. */
export async function topicReaders(admin: AdminClient, topic: string): Promise<readonly string[]> {
  const { groups } = await admin.ask('Asking Kafka for its consumer groups', (kafka) => kafka.listGroups())
  // Groups of other types, such as Kafka Connect's workers, commit no offsets.
  const consumers = groups.filter(({ protocolType }) => protocolType === 'consumer').map(({ groupId }) => groupId)
  const readers: string[] = []
  for (let start = 0; start < Math.min(consumers.length, MAX_GROUPS); start += GROUPS_AT_ONCE) {
    const groupIds = consumers.slice(start, Math.min(start + GROUPS_AT_ONCE, MAX_GROUPS))
    const committed = await Promise.all(groupIds.map((groupId) => admin.committed(groupId, topic)))
    readers.push(...groupIds.filter((_, index) => (committed[index]?.size ?? 0) > 0))
  }
  return readers.toSorted()
}
