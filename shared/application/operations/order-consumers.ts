import type { Clock } from '../../ports/clock.ts'
import type { EventLog, GroupMember } from '../../ports/event-log.ts'

/** The members of the group that processes orders; empty only if the group has been empty for a while. */
export type OrderConsumers = () => Promise<readonly GroupMember[]>

/** Longer than a lone consumer takes to leave its group and rejoin. */
export const LOOK_AGAIN_MS = 1000
/**
 * How long an empty group is assumed to stay empty. A dashboard polls more often than this, and not every request
 * should pause for a second check.
 */
export const EMPTY_FOR_MS = 60_000

/**
 * A group is empty for a moment while its only consumer leaves and rejoins. So an empty result is checked a second
 * time, after a pause, before the group is reported as empty. Further calls within a minute do not pause again, unless
 * the group has had members since. Concurrent calls share one result.
 */
export function createOrderConsumers(dependencies: {
  log: Pick<EventLog, 'members'>
  topic: string
  groupId: string
  clock: Clock
  signal: AbortSignal
}): OrderConsumers {
  const { log, topic, groupId, clock, signal } = dependencies
  let emptyUntil = 0
  let asking: Promise<readonly GroupMember[]> | undefined

  async function look(): Promise<readonly GroupMember[]> {
    const members = await log.members(groupId, topic)
    if (members.length > 0 || clock.now() < emptyUntil) return members
    await clock.sleep(LOOK_AGAIN_MS, signal)
    return log.members(groupId, topic)
  }

  async function ask(): Promise<readonly GroupMember[]> {
    try {
      const members = await look()
      emptyUntil = members.length === 0 ? clock.now() + EMPTY_FOR_MS : 0
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
