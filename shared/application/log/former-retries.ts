import { isOrderError } from '../../domain/errors.ts'
import { tierNamed, type RetryTier, type Topics } from '../../messaging/topics.ts'
import type { EventLog } from '../../ports/event-log.ts'

/**
 * The retry topics that have had no consumer since delays were removed from RETRY_DELAYS, lowest number first. Rejects
 * with `log-unavailable` if the log is unavailable, rather than overlook such a topic.
 */
export async function formerRetriesOf(
  log: Pick<EventLog, 'offsets'>,
  topics: Topics,
): Promise<readonly Pick<RetryTier, 'topic' | 'group'>[]> {
  const found: Pick<RetryTier, 'topic' | 'group'>[] = []
  for (let tier = topics.retries.length + 1; ; tier += 1) {
    const { topic, group } = tierNamed(topics.orders, topics.group, tier)
    if (!(await exists(log, topic, topics.orders))) return found
    found.push({ topic, group })
  }
}

/** `other` is a topic that exists: if it cannot be read either, the log is unavailable. */
async function exists(log: Pick<EventLog, 'offsets'>, topic: string, other: string): Promise<boolean> {
  try {
    await log.offsets(topic)
    return true
  } catch (error) {
    if (!isOrderError(error) || error.code !== 'log-unavailable') throw error
    await log.offsets(other)
    return false
  }
}
