import { isDeadLetterTopic, type Topics } from '../../messaging/topics.ts'
import { originTopicOf, parseDeadLetterId, type DeadLetters, type WhichLetters } from '../../ports/dead-letters.ts'
import type { EventLog } from '../../ports/event-log.ts'

const MAX_NAMED = 20

/** A warning for operators who are about to redrive letters of other consumers. */
export interface RedriveWarning {
  readonly detail: string
  /** The consumer groups that have read the orders topic; null if the log is unavailable. */
  readonly readers: readonly string[] | null
}

/**
 * Redriving another consumer's letters writes them to the orders topic, where every group that reads the topic receives
 * them, not only the group that failed. Undefined if all letters are this product's own. Rejects with the errors of the
 * dead-letter store.
 */
export type WarnOfRedrive = (which: WhichLetters) => Promise<RedriveWarning | undefined>

export function createRedriveWarning(dependencies: {
  log: Pick<EventLog, 'readers'>
  deadLetters: Pick<DeadLetters, 'list'>
  topics: Topics
  onError: (error: unknown) => void
}): WarnOfRedrive {
  const { log, deadLetters, topics, onError } = dependencies

  async function hasForeign(which: WhichLetters): Promise<boolean> {
    // The id of a foreign letter is the letter's own position, which is in a dead-letter topic.
    if ('ids' in which) return which.ids.some((id) => isDeadLetterTopic(topicOf(id)))
    if (which.foreign !== undefined) return which.foreign
    const { items } = await deadLetters.list({ ...which, foreign: true, state: 'dead', limit: 1 })
    return items.length > 0
  }

  async function readersOf(topic: string): Promise<readonly string[] | null> {
    try {
      return await log.readers(topic)
    } catch (error) {
      onError(error)
      return null
    }
  }

  return async function warnOfRedrive(which) {
    if (!(await hasForeign(which))) return undefined
    const readers = await readersOf(topics.orders)
    const others = readers?.filter((group) => group !== topics.group)
    const who =
      others === undefined
        ? 'The log could not say which other groups read it.'
        : others.length === 0
          ? 'No other consumer group is known to read it.'
          : `These other consumer groups read it: ${named(others)}.`
    const detail = `Some of these letters are from another consumer. A redrive writes them to ${topics.orders}, where every consumer gets them again. ${who}`
    return { detail, readers }
  }
}

function topicOf(letterId: string): string {
  return originTopicOf(parseDeadLetterId(letterId)?.topic ?? '')
}

function named(groups: readonly string[]): string {
  const rest = groups.length > MAX_NAMED ? [`${groups.length - MAX_NAMED} more`] : []
  return [...groups.slice(0, MAX_NAMED), ...rest].join(', ')
}
