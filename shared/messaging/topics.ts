import type { TopicSpec } from '../ports/event-log.ts'

/**
 * Topics and consumer groups, whose names all come from two settings. An order that keeps failing passes from the
 * orders topic through the retry tiers to the DLT.
 */
export interface Topics {
  readonly orders: string
  /** One topic for each delay, in order; tier 1 is the first. */
  readonly retries: readonly RetryTier[]
  readonly deadLetters: string
  readonly group: string
  readonly deadLetterGroup: string
}

export interface RetryTier {
  readonly tier: number
  readonly topic: string
  readonly group: string
  readonly delayMs: number
}

const DEAD_LETTERS = '-dlt'
const TWO_MIB = 2 * 1024 * 1024

/** Means "no limit" in Kafka. */
const UNLIMITED = '-1'
/**
 * Set on every topic, together with `retention.ms`, because brokers delete records by default (Kafka does so after
 * seven days). There is no size limit, because when many orders arrive, such a limit would remove records of any age.
 */
const LEAVES_BY_AGE_ONLY = { 'retention.bytes': UNLIMITED, 'cleanup.policy': 'delete' }
/**
 * The broker sets the timestamps. A producer could set any 64-bit integer as the timestamp, and the Kafka extension's
 * trigger fails on one that it cannot convert.
 */
const TIME_OF_THE_LOG = { 'message.timestamp.type': 'LogAppendTime' }

export function createTopics(topic: string, group: string, retryDelaysMs: readonly number[]): Topics {
  return {
    orders: topic,
    retries: retryDelaysMs.map((delayMs, index) => ({ ...tierNamed(topic, group, index + 1), delayMs })),
    deadLetters: `${topic}${DEAD_LETTERS}`,
    group,
    deadLetterGroup: `${group}-dlt`,
  }
}

/** A retry tier of the orders topic and its group, whether or not a delay is configured for the tier. */
export function tierNamed(topic: string, group: string, tier: number): Omit<RetryTier, 'delayMs'> {
  return { tier, topic: `${topic}-retry-${tier}`, group: `${group}-retry-${tier}` }
}

/** Whether this may be a dead-letter topic, of the present orders topic or of an earlier one. */
export function isDeadLetterTopic(topic: string): boolean {
  return topic.endsWith(DEAD_LETTERS)
}

/** Every topic with its consumer group, in the order in which an order may pass through the topics. */
export function sourcesOf(topics: Topics): readonly Pick<RetryTier, 'topic' | 'group'>[] {
  return [
    { topic: topics.orders, group: topics.group },
    ...topics.retries,
    { topic: topics.deadLetters, group: topics.deadLetterGroup },
  ]
}

/**
 * The specifications for creating topics. Retry and dead-letter topics allow larger records, because parking adds
 * headers. Records are removed from the log when they are older than `retentionMs`, or never if `retentionMs` is null.
 */
export function topicSpecs(
  topics: Topics,
  partitions: number,
  replication: number,
  retentionMs: number | null = null,
): TopicSpec[] {
  const inSync = replication >= 3 ? { 'min.insync.replicas': '2' } : {}
  const age = { 'retention.ms': retentionMs === null ? UNLIMITED : String(retentionMs) }
  const config = { ...inSync, ...age, ...LEAVES_BY_AGE_ONLY, ...TIME_OF_THE_LOG }
  const parking = { ...config, 'max.message.bytes': String(TWO_MIB) }
  return [
    { name: topics.orders, partitions, replication, config },
    ...topics.retries.map(({ topic }) => ({ name: topic, partitions, replication, config: parking })),
    { name: topics.deadLetters, partitions, replication, config: parking },
  ]
}
