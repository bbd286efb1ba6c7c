import { knownTime } from '../../domain/times.ts'
import type { LifeInLog } from '../../application/log/life-in-log.ts'
import { readBeyondUnreadable } from '../../application/log/read-beyond-unreadable.ts'
import { headerText, HEADER } from '../../messaging/records/headers.ts'
import type { Topics } from '../../messaging/topics.ts'
import { nextOffset, type EventLog } from '../../ports/event-log.ts'

/** Where the consumer group of one topic stands, summed over the partitions. */
export interface TopicFigures {
  readonly topic: string
  readonly group: string
  /** Offsets, so that a rate of them is records a second, of all processes together. */
  readonly end: number
  readonly committed: number
  readonly lag: number
  /** Offsets behind a transaction that is open, beyond `end`. */
  readonly behindTransaction: number
  /**
   * For a retry topic: how long the oldest record that waits has been due, in ms; 0 when nothing is due. Records of a
   * batch are committed together, so up to the tier's delay and a hold is nothing unusual.
   */
  readonly overdueMs: number | null
  /** How much of its life in the log the oldest record that waits has used; 0 where none waits or all are kept. */
  readonly lifeUsed: number
}

/** Asks the log about every topic. Rejects with what the log rejects with. */
export function createLogFigures(dependencies: {
  log: Pick<EventLog, 'offsets' | 'committed' | 'read'>
  topics: Topics
  lifeInLog: (topic: string, groupId: string) => Promise<LifeInLog | undefined>
  now: () => number
}): () => Promise<TopicFigures[]> {
  const { log, topics, lifeInLog, now } = dependencies

  return async function logFigures() {
    return Promise.all([
      figuresOf(topics.orders, topics.group, false),
      ...topics.retries.map(({ topic, group }) => figuresOf(topic, group, true)),
      figuresOf(topics.deadLetters, topics.deadLetterGroup, false),
    ])
  }

  async function figuresOf(topic: string, group: string, delayed: boolean): Promise<TopicFigures> {
    // What is committed first: what is published between the two answers is lag, never less than none.
    const committed = await log.committed(group, topic)
    const offsets = await log.offsets(topic)
    const positions = offsets.map(({ partition, first, end }) => {
      const next = nextOffset(committed, { partition, first })
      return { partition, end, next, lag: Math.max(0, end - next) }
    })
    const behind = positions.filter(({ lag }) => lag > 0)
    const dueAt = delayed ? await Promise.all(behind.map(({ partition, next }) => dueTime(topic, partition, next))) : []
    return {
      topic,
      group,
      end: positions.reduce((total, { end }) => total + end, 0),
      committed: positions.reduce((total, { next }) => total + next, 0),
      lag: behind.reduce((total, { lag }) => total + lag, 0),
      behindTransaction: offsets.reduce((total, { behindTransaction = 0 }) => total + behindTransaction, 0),
      lifeUsed: behind.length === 0 ? 0 : ((await lifeInLog(topic, group))?.used ?? 0),
      overdueMs: delayed ? Math.max(0, ...dueAt.map((at) => now() - at)) : null,
    }
  }

  /**
   * One topic has one delay, so the first record that waits is the first that is due. Nobody can say how long a record
   * has been due that tells no time.
   */
  async function dueTime(topic: string, partition: number, offset: number): Promise<number> {
    const [record] = await readBeyondUnreadable(log, topic, partition, offset, 1)
    if (record === undefined) return Infinity
    const notBefore = Number(headerText(record, HEADER.notBefore))
    return knownTime(notBefore) ?? knownTime(record.timestamp) ?? Infinity
  }
}
