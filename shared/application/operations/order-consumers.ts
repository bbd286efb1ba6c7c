import type { Clock } from '../../ports/clock.ts'
import type { EventLog, GroupMember } from '../../ports/event-log.ts'

/** Who is in the group that processes orders; nobody only when it was empty for a while. */
export type OrderConsumers = () => Promise<readonly GroupMember[]>

/** Longer than a lone consumer is away when it leaves its group and joins again. */
export const LOOK_AGAIN_MS = 1000

/**
 * A group is empty for a moment while its only consumer leaves and joins again. So the first empty look is followed by a
 * second one after a pause, and only then the answer is that nobody is there. Whoever asks again is not kept waiting until
 * somebody has been there. Questions that come meanwhile share the answer.
 */
export function createOrderConsumers(dependencies: {
  log: Pick<EventLog, 'members'>
  topic: string
  groupId: string
  clock: Clock
  signal: AbortSignal
}): OrderConsumers {
  const { log, topic, groupId, clock, signal } = dependencies
  let isKnownEmpty = false
  let asking: Promise<readonly GroupMember[]> | undefined

  async function look(): Promise<readonly GroupMember[]> {
    const members = await log.members(groupId, topic)
    if (members.length > 0 || isKnownEmpty) return members
    await clock.sleep(LOOK_AGAIN_MS, signal)
    return log.members(groupId, topic)
  }

  async function ask(): Promise<readonly GroupMember[]> {
    try {
      const members = await look()
      isKnownEmpty = members.length === 0
      return members
    } finally {
      asking = undefined
    }
  }

  return function orderConsumers() {
    asking ??= ask()
    return asking
  }
}
