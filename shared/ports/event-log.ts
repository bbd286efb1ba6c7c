/**
 * The log: partitioned, durable, and readable from any offset any number of times. It is Kafka in production, and the
 * embedded log for `npm start` and tests. The orders topic is the source of truth; everything else can be rebuilt from
 * it.
 */

import type { Finding } from './finding.ts'

/** A record's permanent position, as in Kafka. Offsets are integers below 2^53. */
export interface RecordPosition {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** Name and value; a name may occur more than once, as in Kafka. A string is written as UTF-8. */
export type RecordHeader = readonly [name: string, value: Uint8Array | string | null]

/** A record on its way to the log. The key determines the partition; if there is no key, the log chooses one. */
export interface RecordToPublish {
  readonly key: Uint8Array | string | null
  /** A string is written as UTF-8; null means that the record has no value. */
  readonly value: Uint8Array | string | null
  readonly headers: readonly RecordHeader[]
  /** Milliseconds since 1970; if absent, the time of publishing. */
  readonly timestamp?: number
}

/** A record as the log keeps it, byte for byte. */
export interface LogRecord extends RecordPosition {
  readonly timestamp: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly (readonly [name: string, value: Uint8Array | null])[]
}

/**
 * Whether a record keeps its producer's timestamp or gets the time at which the log appended it. The names are Kafka's.
 */
export type TimestampType = 'CreateTime' | 'LogAppendTime'

/** This machine's clock compared with the log's clock, as measured when this process publishes. */
export interface ClockReading {
  /**
   * How far this machine's clock was ahead of the log's at the last publish, in ms: negative if it was behind, 0 if
   * they agree within the time that publishing took, undefined if the log did not report its time.
   */
  readonly aheadMs: number | undefined
  /** Whether the difference is too large for two clocks that are both set by NTP. */
  readonly isOff: boolean
  /** Whether the log refused the last records because of their timestamps. */
  readonly isRefused: boolean
}

/** A partition's first and end offsets. */
export interface PartitionOffsets {
  readonly partition: number
  readonly first: number
  /**
   * Where reading ends for now: the offset that the next record will get, or the first offset of an open transaction.
   */
  readonly end: number
  /** The number of offsets beyond `end` that cannot be read until a transaction ends; absent if zero. */
  readonly behindTransaction?: number
}

/** A consumer in a group. */
export interface GroupMember {
  /** The member's address from the log's point of view, usually an IP address. */
  readonly address: string
  /** Whether the address belongs to this machine. */
  readonly isHere: boolean
  /** Partitions of the requested topic; empty while the group rebalances. */
  readonly partitions: readonly number[]
}

export interface LogHealth {
  readonly available: boolean
  /** Why the log is unavailable, worded for an operator. */
  readonly cause?: string
  /**
   * Faults in this process's consumers, one per line: a partition that is blocked by an unreadable batch, or a group
   * that cannot be joined. The log may be available despite such a fault. Absent if there are no faults.
   */
  readonly unreadable?: readonly string[]
}

export interface EventLog extends AsyncDisposable {
  /**
   * Resolves with the positions of the records, in the given order, once all of them are durable: acknowledged by every
   * in-sync replica, or flushed to disk by fsync. Concurrent calls share one flush. If any record in a call cannot be
   * made durable, the whole call rejects. Even after a rejection, any of the records may be in the log, so a caller who
   * publishes again may duplicate records but never loses any.
   *
   * Rejects with `log-unavailable` (retriable), `queue-full` (retriable: more records are waiting than the queue can
   * hold; nothing was written), `record-too-large` (nothing was written) or `clock-wrong` (retriable: the log refuses
   * this machine's time).
   */
  publish(topic: string, records: readonly RecordToPublish[]): Promise<readonly RecordPosition[]>

  /**
   * Records of one partition from `fromOffset` on, in ascending order: at most `limit` records or about 8 MiB,
   * whichever is reached first. Empty at the end of the partition. Skips missing offsets, and the records of aborted
   * transactions. Rejects with `log-unavailable`, also if the topic or the partition does not exist, or with
   * `log-unreadable` if the first record lies in a batch that cannot be decoded: the error's `unreadable` gives the
   * offsets.
   */
  read(topic: string, partition: number, fromOffset: number, limit: number): Promise<readonly LogRecord[]>

  /** One entry per partition, in ascending order. Rejects with `log-unavailable` if the topic does not exist. */
  offsets(topic: string): Promise<readonly PartitionOffsets[]>

  /**
   * For each partition in which the group has ever committed an offset: the offset of the record that the group gets
   * next, or the end of the partition if there is no such record yet. Skips offsets that hold no record, such as
   * transaction markers.
   */
  committed(groupId: string, topic: string): Promise<ReadonlyMap<number, number>>

  /**
   * The consumer groups that have committed an offset for the topic, in ascending order. Rejects with
   * `log-unavailable`.
   */
  readers(topic: string): Promise<readonly string[]>

  /** The group's current members. */
  members(groupId: string, topic: string): Promise<readonly GroupMember[]>

  /**
   * Sets the offset at which a group without members will continue to read. Rejects with `conflict` while the group has
   * members, because their commits would overwrite that offset.
   */
  moveGroup(groupId: string, topic: string, partition: number, next: number): Promise<void>

  /** Creates missing topics and leaves existing topics unchanged. Safe to call from many processes at once. */
  ensureTopics(topics: readonly TopicSpec[]): Promise<void>

  /**
   * Compares the settings of existing topics, including inherited ones, with the requested settings. Returns one
   * sentence for each difference, with its consequence for orders. Changes nothing. Rejects with `log-unavailable`.
   */
  settingWarnings(topics: readonly TopicSpec[]): Promise<readonly string[]>

  /**
   * Changes how long existing topics keep records, if that differs from the requested time, and leaves every other
   * setting unchanged. Returns what was changed. Rejects with `log-unavailable`, or with `conflict` if the log refuses
   * the change.
   */
  alterRetention(topics: readonly TopicSpec[]): Promise<readonly TopicChange[]>

  /** The value in the topic's settings as last read; `CreateTime` if they have not been read yet. */
  timestampTypeOf(topic: string): TimestampType

  clock(): ClockReading

  /**
   * An id that distinguishes this log from any other with the same name: a mirror, or the topic as it was before it was
   * deleted and recreated. Null if the log has no id. Rejects with `log-unavailable`.
   */
  identity(topic: string): Promise<string | null>

  /** How long the topic keeps records, according to the settings in effect. Rejects with `log-unavailable`. */
  retention(topic: string): Promise<TopicRetention>

  /**
   * Reads all of the log's files on this machine and reports damage. Time-limited: the next call continues where this
   * one stopped. Reading and publishing continue in the meantime. Rejects with `log-unavailable`.
   */
  inspect(): Promise<readonly Finding[]>

  /** Absent if records never change, as in Kafka. */
  readonly redaction?: LogRedaction

  /** Never rejects. */
  health(): Promise<LogHealth>
}

/**
 * Removes records from a log that otherwise keeps them forever. Kafka's brokers remove records themselves, so only the
 * embedded log implements this.
 */
export interface RecordRemoval {
  /**
   * One step: removes records from the beginning of the partition, in sequence, as long as each is older than
   * `olderThan` and its offset is less than `toOffset`. The caller guarantees that nobody needs the records before
   * `toOffset`. Each step is small, so publishing never has to wait long for one.
   *
   * The partition's first offset moves in the same transaction. From then on, `offsets`, `read` and consumers begin
   * there. An offset is never assigned again, even if the partition becomes empty. Records that were removed shortly
   * before a crash may reappear after it. Later records reuse the space of removed ones.
   *
   * Stops before a record that cannot be read, and returns the error in `unreadable`, unless the bounds allow damaged
   * records to be removed too. Removes nothing while `keepingRecords` is running. Rejects with `log-unavailable` or
   * `log-full`.
   */
  removeRecords(topic: string, partition: number, bounds: RemovalBounds): Promise<RemovalStep>

  /** The topics in which the group has committed an offset, in ascending order. Rejects with `log-unavailable`. */
  topicsOf(groupId: string): Promise<readonly string[]>

  /** Forgets which records a group has read, in every topic. Rejects with `conflict` while the group has members. */
  forgetGroup(groupId: string): Promise<void>

  /**
   * Runs the work, and keeps every record in the log until the work has ended. Resolves or rejects as the work does.
   */
  keepingRecords<T>(work: () => Promise<T>): Promise<T>
}

/** All bounds are exclusive, and times are in milliseconds since 1970. */
export interface RemovalBounds {
  readonly olderThan: number
  readonly toOffset: number
  /**
   * Damaged records also leave the log if the next readable record is older than both this time and `olderThan`. That
   * record is checked because a damaged record's own age is unknown. Absent if damaged records must not be removed.
   */
  readonly damagedOlderThan?: number
}

export interface RemovalStep {
  readonly removed: number
  /** Whether another step may remove more. */
  readonly more: boolean
  /** `log-unreadable`: the record at which the removal stopped. */
  readonly unreadable?: unknown
  /** True if nothing was removed because `keepingRecords` is running. */
  readonly isHeld?: true
}

/** Removes personal data from records. Records never change for any other reason (decision 037). */
export interface LogRedaction {
  /** Every topic in the log, the oldest first, including those that this process neither reads nor writes. */
  topics(): readonly string[]

  /** Resolves once every record whose publishing began before this call is in the log. Rejects as `publish` does. */
  settled(): Promise<void>

  /**
   * Replaces the values of records, by offset, in one flushed transaction. The records keep their offsets, timestamps,
   * keys and headers, and `read` returns the new values from then on. A batch that was already delivered may still have
   * the old values. Rejects with `log-unavailable`, including when a record is damaged or a backup is copying the file.
   */
  replace(topic: string, partition: number, values: ReadonlyMap<number, Uint8Array>): Promise<void>

  /**
   * Overwrites the bytes that replaced values and removed records have left in the log's files. May be repeated at any
   * time. Rejects with `log-unavailable`, including while a backup is copying the file.
   */
  purge(): Promise<void>
}

export interface TopicRetention {
  /** The age at which a record leaves the log, in milliseconds; null if age does not matter. */
  readonly maxAgeMs: number | null
  /** Roughly how many bytes a partition keeps; null if unlimited. */
  readonly maxBytes: number | null
  /**
   * Whether an offset that is missing after the log start can only be a transaction marker or an aborted record. False
   * if records can vanish from within the log, because a vanished record looks the same as a marker.
   */
  readonly holesAreMarkers: boolean
  /** Records that have not been processed are kept, regardless of their age. */
  readonly keepsUnprocessed?: true
}

export interface TopicSpec {
  readonly name: string
  readonly partitions: number
  readonly replication: number
  /** Kafka's own names, such as `retention.ms`. */
  readonly config: Readonly<Record<string, string>>
}

/** A changed setting of an existing topic. */
export interface TopicChange {
  readonly topic: string
  /** Kafka's own name. */
  readonly setting: string
  readonly before: string
  readonly after: string
}

export interface Subscription {
  readonly groupId: string
  readonly topic: string
  /** The maximum number of records in a batch. A batch mixes partitions and keeps each partition's sequence. */
  readonly maxBatchSize: number
  /**
   * Called for one batch at a time. If it resolves, the batch is committed, perhaps together with later batches; if it
   * rejects, nothing is committed and the batch is delivered again. `signal` aborts when the subscription is being
   * closed.
   */
  onBatch(records: readonly LogRecord[], signal: AbortSignal): Promise<void>
  /** Called when delivery itself fails; delivery continues afterwards. */
  onError(error: unknown): void
}

/** Delivers records to the triggers of the embedded host; the Functions runtime has its own consumer. */
export interface LogConsumer {
  /**
   * Delivers at least once, from the committed offset, or from the log start if there is none. Closing waits for the
   * batch in flight and its commit.
   */
  subscribe(subscription: Subscription): Promise<AsyncDisposable>
}

/** The offset that a group reads next. An offset before the log start counts as the log start. */
export function nextOffset(
  committed: ReadonlyMap<number, number>,
  { partition, first }: Pick<PartitionOffsets, 'partition' | 'first'>,
): number {
  return Math.max(committed.get(partition) ?? first, first)
}
