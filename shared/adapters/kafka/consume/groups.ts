import { networkInterfaces } from 'node:os'
import kafkajs from 'kafkajs'
import { OrderError } from '../../../domain/errors.ts'
import type { GroupMember } from '../../../ports/event-log.ts'
import type { AdminClient } from '../client/admin.ts'
import type { Cluster } from '../client/cluster.ts'
import { isRebalancing, kafkaUnavailable } from '../client/errors.ts'
import type { Lazy } from '../client/lazy.ts'
import { within } from '../../../threads/waiting.ts'

/** The members of the group, with the topic's partitions of each; empty for a group that does not exist. */
export async function membersOf(admin: AdminClient, groupId: string, topic: string): Promise<readonly GroupMember[]> {
  const { groups } = await admin.ask(`Asking Kafka who is in ${groupId}`, (kafka) => kafka.describeGroups([groupId]))
  const [group] = groups
  const own = ownAddresses()
  return (group?.members ?? []).map(({ clientHost, memberAssignment }) => {
    // Java writes the host's name, if it has one, and a slash before the address.
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
    Object.values(networkInterfaces()).flatMap((some) => (some ?? []).map(({ address }) => canonical(address))),
  )
}

/** An address in one spelling, IPv6 without its zone. */
function canonical(address: string): string {
  const [bare = ''] = address.split('%')
  return bare.includes(':') && URL.canParse(`http://[${bare}]`) ? new URL(`http://[${bare}]`).hostname : bare
}

const COMMIT_TIMEOUT_MS = 15_000
/** A client outside the group, whose commits Kafka accepts while the group is empty. */
const NO_MEMBER = { groupGenerationId: -1, memberId: '' }

/**
 * Sets the offset that an empty group reads next. Rejects with `conflict` for a group with members, because Kafka refuses
 * it.
 */
export async function commitForNobody(
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
    throw new OrderError('conflict', `The group ${groupId} has members, so it cannot be moved from outside.`, {
      cause: error,
    })
  }
}

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
