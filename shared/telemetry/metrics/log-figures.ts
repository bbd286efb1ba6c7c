import { knownTime } from '../../domain/times.ts'
import type { LifeInLog } from '../../application/log/life-in-log.ts'
import { readBeyondUnreadable } from '../../application/log/read-beyond-unreadable.ts'
import { headerText, HEADER } from '../../messaging/records/headers.ts'
import type { Topics } from '../../messaging/topics.ts'
import { nextOffset, type EventLog } from '../../ports/event-log.ts'

/** Offsets and lag of a topic and its consumer group, summed over all partitions. */
export interface TopicFigures {
  readonly topic: string
  readonly group: string
  /** End and committed offsets. The rate of each is the throughput of all processes together. */
  readonly end: number
  readonly committed: number
  readonly lag: number
  /** The number of offsets beyond `end`, which become readable when an open transaction ends. */
  readonly behindTransaction: number
  /**
   * How long the oldest waiting record in a retry topic has been due, in ms; 0 if no record is due; null for other
   * topics. All records in a batch are committed together, so values up to the tier's delay plus a hold are normal.
   */
  readonly overdueMs: number | null
  /**
   * The fraction of the topic's retention that is used up, for the waiting or passed-over record that is closest to
   * leaving the log; 0 if the topic has no limit, or if there is no such record.
   */
  readonly lifeUsed: number
}

/** Reads the figures of every topic from the log. Rejects with the log's errors. */
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
    // Committed offsets are read first. If they were read last, records processed in between could make the lag
    // negative.
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
      // The orders topic is checked even if it has no lag, because records that were passed over are not part of the
      // lag.
      lifeUsed: behind.length === 0 && topic !== topics.orders ? 0 : ((await lifeInLog(topic, group))?.used ?? 0),
      overdueMs: delayed ? Math.max(0, ...dueAt.map((at) => now() - at)) : null,
    }
  }

  /**
   * When the first waiting record is due. All records in a topic have the same delay, so the first record is also the
   * first to be due. A record without a timestamp counts as never due.
   */
  async function dueTime(topic: string, partition: number, offset: number): Promise<number> {
    const [record] = await readBeyondUnreadable(log, topic, partition, offset, 1)
    if (record === undefined) return Infinity
    const notBefore = Number(headerText(record, HEADER.notBefore))
    return knownTime(notBefore) ?? knownTime(record.timestamp) ?? Infinity
  }
}
