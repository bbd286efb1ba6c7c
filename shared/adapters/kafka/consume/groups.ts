import { networkInterfaces } from 'node:os'
import kafkajs, { type Kafka } from 'kafkajs'
import { OrderError } from '../../../domain/errors.ts'
import type { GroupMember } from '../../../ports/event-log.ts'
import type { AdminClient } from '../client/admin.ts'
import { createCluster } from '../client/cluster.ts'
import { isRebalancing, kafkaUnavailable } from '../client/errors.ts'
import { within } from '../../../threads/waiting.ts'

/** Who is in the group, and what of the topic each of them holds; nobody in a group that does not exist. */
export async function membersOf(admin: AdminClient, groupId: string, topic: string): Promise<readonly GroupMember[]> {
  const { groups } = await admin.ask(`Asking Kafka who is in ${groupId}`, (kafka) => kafka.describeGroups([groupId]))
  const [group] = groups
  const own = ownAddresses()
  return (group?.members ?? []).map(({ clientHost, memberAssignment }) => {
    // Java writes the name of the host, if it knows one, before a slash.
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

/** One spelling of an IPv6 address, without its zone. */
function canonical(address: string): string {
  const [bare = ''] = address.split('%')
  return bare.includes(':') && URL.canParse(`http://[${bare}]`) ? new URL(`http://[${bare}]`).hostname : bare
}

const COMMIT_TIMEOUT_MS = 15_000
/** Identifies a client outside the group, whose commits Kafka accepts as long as the group is empty. */
const NO_MEMBER = { groupGenerationId: -1, memberId: '' }

/**
 * Says where a group that nobody is in reads next. Kafka itself refuses it for a group with members, which is rejected
 * with `conflict`.
 */
export async function commitForNobody(
  client: Kafka,
  groupId: string,
  topic: string,
  partition: number,
  next: number,
): Promise<void> {
  const cluster = createCluster(client)
  const topics = [{ topic, partitions: [{ partition, offset: String(next) }] }]
  async function commit(): Promise<void> {
    await cluster.connect()
    const coordinator = await cluster.findGroupCoordinator({ groupId })
    await coordinator.offsetCommit({ groupId, ...NO_MEMBER, topics })
  }
  try {
    await within(COMMIT_TIMEOUT_MS, `Moving ${groupId} past a record`, commit())
  } catch (error) {
    if (!isRebalancing(error)) throw kafkaUnavailable(`Kafka did not move ${groupId}`, error)
    throw new OrderError('conflict', `Somebody is in the group ${groupId}: nobody else can move it.`, { cause: error })
  } finally {
    await cluster.disconnect()
  }
}
