import type { ChangeKind } from '../domain/changes/order-changes.ts'
import type { Cause } from '../domain/order-view.ts'
import type { RecordPosition } from './event-log.ts'
import type { Page } from './order-views.ts'

/** The dead-letter store: every record that the dead-letter topic ever held, byte for byte, and its state. */
export interface DeadLetters {
  /**
   * Keeps letters, in one transaction, and gives their orders the status `dead-lettered` unless they are stored or the
   * letter is foreign.
   * Nothing is refused: any bytes are kept. A known letter stays as it is. A letter of another record at the same place,
   * as from an earlier log, is kept beside it.
   */
  keep(letters: readonly DeadLetter[]): Promise<void>

  get(id: string): Promise<KeptDeadLetter | undefined>

  /** Newest first, by keyset; without payloads. */
  list(query: DeadLetterQuery): Promise<Page<DeadLetterSummary>>

  /** How many match. The cost grows with that number. */
  count(query: Omit<DeadLetterQuery, 'limit' | 'cursor'>): Promise<number>

  /** Groups of letters that died of the same cause, most recent first. */
  groups(query: { limit: number; cursor?: string; state?: DeadLetterState }): Promise<Page<DeadLetterGroup>>
}

export const DEAD_LETTER_STATES = ['dead', 'redriven', 'resolved', 'superseded', 'discarded'] as const
/**
 * `redriven`: sent back, outcome not known yet. `resolved`: its order is stored. `superseded`: the record that was sent
 * back died again and has a letter of its own.
 */
export type DeadLetterState = (typeof DEAD_LETTER_STATES)[number]

export interface DeadLetter {
  /**
   * Its place in the orders topic; as `topic:partition:offset` the letter's id. For a letter that another consumer wrote,
   * its own place in the dead-letter topic.
   */
  readonly origin: RecordPosition
  readonly orderId: string | null
  /** The change of that order, if the record is one of ours and of a change. */
  readonly change?: LetterChange
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  /** The original's headers, without those that parking added. */
  readonly headers: readonly (readonly [name: string, value: Uint8Array | null])[]
  /** The first failure and the last; the same if there was one attempt. */
  readonly firstCause: Cause
  readonly lastCause: Cause
  readonly attempts: number
  /** RFC 3339. */
  readonly firstFailedAt: string
  readonly lastFailedAt: string
  /** Equal for letters that died of the same cause: code, normalised message, place. */
  readonly fingerprint: string
  /** The stack of the last failure, at most 8 KiB; null if it has none. */
  readonly stack: string | null
  readonly consumerGroup: string
  /** The letter that this record redrove; it becomes `superseded` when this one is kept. */
  readonly redriveOf: string | null
  /** The time of the original record, in milliseconds since 1970. */
  readonly recordTimestamp: number
  /** Null for a record that this product gave up itself. */
  readonly foreign: ForeignFailure | null
}

export interface LetterChange {
  readonly changeId: string
  readonly kind: ChangeKind
}

/**
 * The failure of another consumer that gave the record up, from headers that nobody has verified. Such a letter never
 * changes an order's status or the ledger, whatever is done to it.
 */
export interface ForeignFailure {
  /** The writer's header format; `unknown` if there is none that we can read. */
  readonly dialect: ForeignDialect
  /** Where that consumer read the record. */
  readonly origin: RecordPosition | null
  /** The class of the exception. */
  readonly exception: string | null
}

export const FOREIGN_DIALECTS = ['spring', 'spring-retry-topic', 'kafka-connect', 'unknown'] as const
export type ForeignDialect = (typeof FOREIGN_DIALECTS)[number]

export interface KeptDeadLetter extends DeadLetter {
  readonly id: string
  readonly state: DeadLetterState
  readonly keptAt: string
  /** The payload that an operator sent in its place; the original is `value`. */
  readonly editedValue: Uint8Array | null
}

export type DeadLetterSummary = Omit<KeptDeadLetter, 'key' | 'value' | 'editedValue' | 'headers' | 'stack'>

/** The part of a letter that says whether anything waits until it is repaired. */
export interface Waiting {
  /** How many changes of its order wait for an earlier event, such as the letter's record; absent when there are none. */
  readonly waitingChanges?: number
}

export interface DeadLetterQuery {
  readonly limit: number
  readonly cursor?: string
  readonly state?: DeadLetterState
  readonly fingerprint?: string
  readonly code?: string
  readonly orderId?: string
  /** RFC 3339. Bounds of the last failure: at or after `from`, before `to`. */
  readonly from?: string
  readonly to?: string
  /** True for letters of other consumers only, false for this product's only. */
  readonly foreign?: boolean
}

/** Dead letters by id, or by what they have in common. */
export type WhichLetters = { readonly ids: readonly string[] } | Omit<DeadLetterQuery, 'limit' | 'cursor' | 'state'>

export interface DeadLetterGroup {
  readonly fingerprint: string
  readonly cause: Cause
  /** The exception in one line, with the place where it was thrown (domain/stack.ts); null if there was none. */
  readonly exception: string | null
  readonly consumerGroup: string
  /** Null for records that this product gave up itself. */
  readonly foreignDialect: ForeignDialect | null
  readonly count: number
  readonly firstSeen: string
  readonly lastSeen: string
  /** One of the letters, as an example. */
  readonly sampleId: string
}

/**
 * The id of a letter. If letters of several logs have the same place, as after a topic was recreated, the later ones are
 * kept beside the first: the second is `topic@2:partition:offset`. No topic's name has an `@`.
 */
export function deadLetterId(origin: RecordPosition): string {
  return `${origin.topic}:${origin.partition}:${origin.offset}`
}

/** The topic under which the `n`th letter of one place is kept, counted from 1. */
export function topicOfLetter(topic: string, n: number): string {
  return n === 1 ? topic : `${topic}@${n}`
}

/** The topic that a letter came from, by the topic under which it is kept. */
export function originTopicOf(topic: string): string {
  return topic.replace(/@\d+$/, '')
}

/**
 * Whether two letters of one place are of the same record and not of two logs: they have the same order and change, or
 * neither has an order and their times are the same.
 */
export function isSameLetter(one: LetterIdentity, other: LetterIdentity): boolean {
  if (one.orderId === null && other.orderId === null) return one.recordTimestamp === other.recordTimestamp
  return one.orderId === other.orderId && one.change?.changeId === other.change?.changeId
}

export type LetterIdentity = Pick<DeadLetter, 'orderId' | 'recordTimestamp'> & {
  readonly change?: Pick<LetterChange, 'changeId'>
}

/** The position in an id as `deadLetterId` writes it; undefined for any other text. */
export function parseDeadLetterId(id: string): RecordPosition | undefined {
  const [, topic, partition, offset] = /^(.+):(\d{1,16}):(\d{1,16})$/s.exec(id) ?? []
  if (topic === undefined) return undefined
  return { topic, partition: Number(partition), offset: Number(offset) }
}
