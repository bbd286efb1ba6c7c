import type { ChangeKind } from '../domain/changes/order-changes.ts'
import type { Cause } from '../domain/order-view.ts'
import type { RecordPosition } from './event-log.ts'
import type { Page } from './order-views.ts'

/**
 * The dead-letter store: every record that was ever in the dead-letter topic, byte for byte, and its state. No query
 * returns a letter that was removed (see `Retention`).
 */
export interface DeadLetters {
  /**
   * Keeps dead letters, in one transaction. Gives the order of each letter the status `dead-lettered`, unless the order
   * is stored or another consumer wrote the letter. Nothing is refused: all bytes are kept, whatever they are. A letter
   * that is already known stays as it is, even if it was removed. A letter of a different record at the same position,
   * for example from an earlier log, is kept alongside it.
   */
  keep(letters: readonly DeadLetter[]): Promise<void>

  get(id: string): Promise<KeptDeadLetter | undefined>

  /** Newest first, by keyset; without payloads. */
  list(query: DeadLetterQuery): Promise<Page<DeadLetterSummary>>

  /** The number of matching letters. The count takes longer if more letters match. */
  count(query: Omit<DeadLetterQuery, 'limit' | 'cursor'>): Promise<number>

  /** Groups of letters with the same cause, most recent first. */
  groups(query: { limit: number; cursor?: string; state?: DeadLetterState }): Promise<Page<DeadLetterGroup>>
}

export const DEAD_LETTER_STATES = ['dead', 'redriven', 'resolved', 'superseded', 'discarded'] as const
/**
 * `redriven`: sent back, outcome not known yet. `resolved`: the order is stored. `superseded`: the record that was sent
 * back failed again and has a letter of its own.
 */
export type DeadLetterState = (typeof DEAD_LETTER_STATES)[number]

export interface DeadLetter {
  /**
   * The record's position in the orders topic. Written as `topic:partition:offset`, it is the letter's id. For a letter
   * that another consumer wrote, this is the letter's own position in the dead-letter topic.
   */
  readonly origin: RecordPosition
  readonly orderId: string | null
  /** The change to that order, if this product wrote the record and the record contains a change. */
  readonly change?: LetterChange
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  /** The original's headers, without those that were added when it was parked. */
  readonly headers: readonly (readonly [name: string, value: Uint8Array | null])[]
  /** The first and the last failure; equal after a single attempt. */
  readonly firstCause: Cause
  readonly lastCause: Cause
  readonly attempts: number
  /** RFC 3339. */
  readonly firstFailedAt: string
  readonly lastFailedAt: string
  /** Equal for letters with the same cause: error code, normalised message, and location in the source code. */
  readonly fingerprint: string
  /** The stack of the last failure, at most 8 KiB; null if the failure had no stack. */
  readonly stack: string | null
  readonly consumerGroup: string
  /** The id of the letter that was redriven as this record. That letter becomes `superseded` when this one is kept. */
  readonly redriveOf: string | null
  /** The original record's timestamp, in milliseconds since 1970. */
  readonly recordTimestamp: number
  /** Null for a record that this product itself gave up on. */
  readonly foreign: ForeignFailure | null
}

export interface LetterChange {
  readonly changeId: string
  readonly kind: ChangeKind
}

/**
 * Why another consumer gave up on the record, according to unverified headers. No action on such a letter changes an
 * order's status or the ledger.
 */
export interface ForeignFailure {
  /** The writer's header format; `unknown` for an unrecognised format. */
  readonly dialect: ForeignDialect
  /** The position at which that consumer read the record. */
  readonly origin: RecordPosition | null
  /** The exception class. */
  readonly exception: string | null
}

export const FOREIGN_DIALECTS = ['spring', 'spring-retry-topic', 'kafka-connect', 'unknown'] as const
export type ForeignDialect = (typeof FOREIGN_DIALECTS)[number]

export interface KeptDeadLetter extends DeadLetter {
  readonly id: string
  readonly state: DeadLetterState
  readonly keptAt: string
  /** The payload that an operator sent instead; the original is `value`. */
  readonly editedValue: Uint8Array | null
}

export type DeadLetterSummary = Omit<KeptDeadLetter, 'key' | 'value' | 'editedValue' | 'headers' | 'stack'>

/** The part of a letter that shows whether changes wait until the letter is repaired. */
export interface Waiting {
  /**
   * How many changes to the order are waiting for an earlier event, such as the letter's record; absent if there are
   * none.
   */
  readonly waitingChanges?: number
}

export interface DeadLetterQuery {
  readonly limit: number
  readonly cursor?: string
  readonly state?: DeadLetterState
  readonly fingerprint?: string
  readonly code?: string
  readonly orderId?: string
  /** RFC 3339. The bounds for the time of the last failure: at or after `from`, before `to`. */
  readonly from?: string
  readonly to?: string
  /** True selects only other consumers' letters, false only this product's. */
  readonly foreign?: boolean
}

/** Selects dead letters by id or by filter. */
export type WhichLetters = { readonly ids: readonly string[] } | Omit<DeadLetterQuery, 'limit' | 'cursor' | 'state'>

export interface DeadLetterGroup {
  readonly fingerprint: string
  readonly cause: Cause
  /** The exception and where it was thrown, on one line (domain/stack.ts); null if there was no exception. */
  readonly exception: string | null
  readonly consumerGroup: string
  /** Null for records that this product itself gave up on. */
  readonly foreignDialect: ForeignDialect | null
  readonly count: number
  readonly firstSeen: string
  readonly lastSeen: string
  /** An example letter. */
  readonly sampleId: string
}

/**
 * The id of a dead letter. If letters from several logs have the same position, for example after a topic was
 * recreated, the later letters are kept alongside the first: the second is `topic@2:partition:offset`. No topic name
 * contains an `@`.
 */
export function deadLetterId(origin: RecordPosition): string {
  return `${origin.topic}:${origin.partition}:${origin.offset}`
}

/** The topic under which the `n`th letter at one position is kept; the first letter has `n` = 1. */
export function topicOfLetter(topic: string, n: number): string {
  return n === 1 ? topic : `${topic}@${n}`
}

/** The topic that a letter came from, given the topic under which the letter is kept. */
export function originTopicOf(topic: string): string {
  return topic.replace(/@\d+$/, '')
}

/**
 * Whether two letters at one position are for the same record, and not for records from two different logs: they have
 * the same order and change, or neither has an order and their timestamps are equal.
 */
export function isSameLetter(one: LetterIdentity, other: LetterIdentity): boolean {
  if (one.orderId === null && other.orderId === null) return one.recordTimestamp === other.recordTimestamp
  return one.orderId === other.orderId && one.change?.changeId === other.change?.changeId
}

export type LetterIdentity = Pick<DeadLetter, 'orderId' | 'recordTimestamp'> & {
  readonly change?: Pick<LetterChange, 'changeId'>
}

/** The position that a dead letter's id contains; undefined if the text is not such an id. */
export function parseDeadLetterId(id: string): RecordPosition | undefined {
  const [, topic, partition, offset] = /^(.+):(\d{1,16}):(\d{1,16})$/s.exec(id) ?? []
  if (topic === undefined) return undefined
  return { topic, partition: Number(partition), offset: Number(offset) }
}
