/**
 * The log: partitioned, durable, read again from any offset as often as one likes. Kafka in production, the embedded
 * log for `npm start` and tests. The orders topic is the source of truth; everything else can be made again from it.
 */

import type { Finding } from './finding.ts'

/** The place of a record, for ever: Kafka's coordinates. Offsets are whole numbers below 2^53. */
export interface RecordPosition {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** Name and value; a name may come more than once, as in Kafka. A string is written as UTF-8. */
export type RecordHeader = readonly [name: string, value: Uint8Array | string | null]

/** A record on its way to the log. The key chooses the partition; without one the log spreads records. */
export interface RecordToPublish {
  readonly key: Uint8Array | string | null
  /** A string is written as UTF-8; null is a tombstone. */
  readonly value: Uint8Array | string | null
  readonly headers: readonly RecordHeader[]
  /** Milliseconds since 1970; the time of publishing when absent. */
  readonly timestamp?: number
}

/** A record as the log keeps it, byte for byte. */
export interface LogRecord extends RecordPosition {
  readonly timestamp: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly (readonly [name: string, value: Uint8Array | null])[]
}

/** Whether a record keeps the time that its producer gave it, or gets that at which the log took it. Kafka's names. */
export type TimestampType = 'CreateTime' | 'LogAppendTime'

/** This machine's clock against the log's, by what the log said of the records that this process published. */
export interface ClockReading {
  /**
   * How far this machine's clock is ahead of the log's, in ms, at the last publish; negative when it is behind, 0 when
   * they agree as far as the time that publishing took tells, undefined when the log did not say.
   */
  readonly aheadMs: number | undefined
  /** Further than two clocks that are set by NTP ever are. */
  readonly isOff: boolean
  /** The log refused the last records for their time. */
  readonly isRefused: boolean
}

/** Where a partition begins and ends. */
export interface PartitionOffsets {
  readonly partition: number
  readonly first: number
  /** Where reading ends for now: the offset that the next record will get, or the first of a transaction that is open. */
  readonly end: number
  /** Offsets beyond `end`, which cannot be read before a transaction is committed or aborted; absent when there are none. */
  readonly behindTransaction?: number
}

/** One consumer of a group. */
export interface GroupMember {
  /** Where it is, as the log sees it; an IP address as a rule. */
  readonly address: string
  /** Whether the address is one of this machine. */
  readonly isHere: boolean
  /** Of the topic that was asked for; none while the group rebalances. */
  readonly partitions: readonly number[]
}

export interface LogHealth {
  readonly available: boolean
  /** Why not, in words for an operator. */
  readonly cause?: string
  /**
   * What consumers of this process cannot read although the log may be there, a line for each: a partition that is held
   * before an unreadable batch, or a group that cannot be joined. Absent when there is nothing.
   */
  readonly unreadable?: readonly string[]
}

export interface EventLog extends AsyncDisposable {
  /**
   * Resolves, in the order given, with the positions of the records once each is durable: acknowledged by every
   * in-sync replica, or flushed to disk by fsync. Concurrent calls share one flush. All records of one call are
   * durable together or the call rejects; after a rejection any of them may yet be in the log, so a caller who
   * publishes again may duplicate, never lose.
   *
   * Rejects with `log-unavailable` (retriable), `queue-full` (retriable: more waiting than the queue holds; nothing
   * was written), `record-too-large` (nothing was written) or
   * `clock-wrong` (retriable: the log refuses this machine's time).
   */
  publish(topic: string, records: readonly RecordToPublish[]): Promise<readonly RecordPosition[]>

  /**
   * Records of one partition from `fromOffset` on, ascending, at most `limit` of them and about 8 MiB; empty at the
   * end. Offsets that are not in the log are passed over, and so are records of transactions that were aborted. Rejects
   * with `log-unavailable`, or with `log-unreadable` when the first record lies in a batch that cannot be decoded: the
   * error's `unreadable` says which offsets those are.
   */
  read(topic: string, partition: number, fromOffset: number, limit: number): Promise<readonly LogRecord[]>

  /** One entry a partition, ascending. A topic that does not exist rejects with `log-unavailable`. */
  offsets(topic: string): Promise<readonly PartitionOffsets[]>

  /**
   * The offset of the record that the group gets next, for each partition that it has ever committed; the end when
   * there is none yet. Offsets that hold no record, such as transaction markers, are passed.
   */
  committed(groupId: string, topic: string): Promise<ReadonlyMap<number, number>>

  /** The consumer groups that have committed an offset in the topic, ascending. Rejects with `log-unavailable`. */
  readers(topic: string): Promise<readonly string[]>

  /** Who is in the group now. */
  members(groupId: string, topic: string): Promise<readonly GroupMember[]>

  /**
   * Says where a group that nobody is in reads next. Rejects with `conflict` while it has members, who would commit over
   * it.
   */
  moveGroup(groupId: string, topic: string, partition: number, next: number): Promise<void>

  /** Makes topics that are missing; leaves those that are there as they are. Safe to run at once from many processes. */
  ensureTopics(topics: readonly TopicSpec[]): Promise<void>

  /**
   * How the settings of topics that are there differ from what is asked for, inherited ones too: a sentence for each
   * difference that says what it means for orders. Nothing is changed. Rejects with `log-unavailable`.
   */
  settingWarnings(topics: readonly TopicSpec[]): Promise<readonly string[]>

  /** By the topic's settings when they were last looked at; `CreateTime` as long as they were not. */
  timestampTypeOf(topic: string): TimestampType

  clock(): ClockReading

  /**
   * Tells this very log from another of the same name, such as a topic that was deleted and made anew, or a mirror of it.
   * Null where nothing tells them apart. Rejects with `log-unavailable`.
   */
  identity(topic: string): Promise<string | null>

  /** How long the topic keeps records, by the settings in force. Rejects with `log-unavailable`. */
  retention(topic: string): Promise<TopicRetention>

  /**
   * Reads all that the log keeps in files of this machine and says what is damaged. Bounded in time: what a call did not
   * get to, the next one does. Reading and publishing go on meanwhile. Rejects with `log-unavailable`.
   */
  inspect(): Promise<readonly Finding[]>

  /** Never rejects. */
  health(): Promise<LogHealth>
}

export interface TopicRetention {
  /** A record leaves the log after this long, in milliseconds; null: never for its age. */
  readonly maxAgeMs: number | null
  /** A partition keeps about this many bytes; null: all. */
  readonly maxBytes: number | null
  /**
   * Whether an offset that is missing behind the log's beginning was never a record, but a transaction's marker or one
   * of its aborted records. False where records can vanish from within: there nobody can say.
   */
  readonly holesAreMarkers: boolean
}

export interface TopicSpec {
  readonly name: string
  readonly partitions: number
  readonly replication: number
  /** Kafka's own names, such as `retention.ms`. */
  readonly config: Readonly<Record<string, string>>
}

export interface Subscription {
  readonly groupId: string
  readonly topic: string
  /** The most records of one batch; a batch mixes partitions, each partition's records in order. */
  readonly maxBatchSize: number
  /**
   * One batch at a time. When it resolves the batch is committed; when it rejects nothing is and the batch is
   * delivered again. `signal` aborts when the subscription is being closed.
   */
  onBatch(records: readonly LogRecord[], signal: AbortSignal): Promise<void>
  /** Told when delivering itself goes wrong; delivering goes on afterwards. */
  onError(error: unknown): void
}

/** The reading side that a host needs to feed its triggers; the Functions runtime has its own. */
export interface LogConsumer {
  /** Delivers at least once, from the committed offset, else from the beginning. Closing waits for the batch in flight. */
  subscribe(subscription: Subscription): Promise<AsyncDisposable>
}

/** The offset that a group gets next. A position from before the log's beginning counts as the beginning. */
export function nextOffset(
  committed: ReadonlyMap<number, number>,
  { partition, first }: Pick<PartitionOffsets, 'partition' | 'first'>,
): number {
  return Math.max(committed.get(partition) ?? first, first)
}
