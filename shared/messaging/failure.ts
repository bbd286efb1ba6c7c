import { createHash } from 'node:crypto'
import { isOrderError, messageOf, type ErrorCode } from '../domain/errors.ts'
import { ownFrame } from '../domain/stack.ts'
import type { Cause } from '../domain/order-view.ts'

/**
 * A failure's class decides how the failure is handled (table in docs/errors.md):
 * - `poison`: this record can never be stored as it is; it is dead-lettered at once.
 * - `transient`: another attempt may succeed; the record is retried in place, then through the retry topics.
 * - `outage`: the store or the log is unavailable; the batch is good and is held until the outage ends.
 * - `bug`: our own code failed; treated as transient at first, so that a deployment can fix it, and dead-lettered after
 *   the last attempt.
 */
export type FailureClass = 'poison' | 'transient' | 'outage' | 'bug'

export interface Failure {
  readonly class: FailureClass
  /** The cause, as a code and a sentence for callers. */
  readonly cause: Cause
  /** Identical for failures of the same kind: same code, normalised message and source location. */
  readonly fingerprint: string
  /** At most 8 KiB. */
  readonly stack: string | null
  readonly error: unknown
}

const CLASS_OF: Readonly<Partial<Record<ErrorCode, FailureClass>>> = {
  'undecodable-record': 'poison',
  'unknown-event': 'poison',
  'invalid-order': 'poison',
  'invalid-change': 'poison',
  'order-id-reused': 'poison',
  'idempotency-key-reused': 'poison',
  'constraint-violated': 'poison',
  'taken-out': 'poison',
  'store-busy': 'transient',
  'queue-full': 'transient',
  'store-unavailable': 'outage',
  'store-full': 'outage',
  'log-unavailable': 'outage',
  'log-full': 'outage',
  'clock-wrong': 'outage',
}

const MAX_STACK_BYTES = 8 * 1024
const BUG_DETAIL = 'The order could not be processed because of a fault on our side.'
const DETAIL_FOR: Readonly<Partial<Record<ErrorCode, string>>> = {
  'store-busy': 'The store was busy.',
  'store-unavailable': 'The store could not be reached.',
  'store-full': 'The store had no room.',
  'log-unavailable': 'The log could not be reached.',
  'log-full': 'The log had no room.',
  'clock-wrong': 'The log refused a timestamp from one of our clocks.',
}

/** Classifies any thrown value. An unknown error counts as our own bug, never as the order's fault. */
export function classify(error: unknown): Failure {
  const code = isOrderError(error) ? error.code : 'internal'
  const failureClass = CLASS_OF[code] ?? 'bug'
  // A driver's message may contain anything, including values, so callers see only text that we wrote.
  const detail = failureClass === 'bug' ? BUG_DETAIL : (DETAIL_FOR[code] ?? messageOf(error))
  const stack = failureClass === 'poison' ? null : stackOf(error)
  return {
    class: failureClass,
    cause: { code, detail },
    fingerprint: fingerprintOf(code, messageOf(error), stack),
    stack,
    error,
  }
}

/** Equal for all failures of one kind, whatever ids, numbers and quoted values their messages contain. */
export function fingerprintOf(code: string, message: string, stack: string | null): string {
  const normalised = message
    .replaceAll(/"(?:[^"\\]|\\.)*"|'[^']*'/g, '?')
    .replaceAll(/\b[0-9a-f]{8}-[0-9a-f-]{27}\b/gi, '?')
    .replaceAll(/\d+/g, '#')
    .slice(0, 300)
  return createHash('sha256')
    .update(`${code}\n${normalised}\n${placeOf(stack)}`)
    .digest('hex')
    .slice(0, 16)
}

/** The first frame in our own code, without the line number, which changes between releases. */
function placeOf(stack: string | null): string {
  const frame = stack === null ? undefined : ownFrame(stack)
  return frame?.replace(/ ?\(?(?:file:\/\/)?[^ ]*\/((?:shared|functions)\/[^:]*):.*$/, ' $1') ?? ''
}

function stackOf(error: unknown): string | null {
  if (!(error instanceof Error) || error.stack === undefined) return null
  const causes =
    error.cause instanceof Error
      ? `${error.stack}\nCaused by: ${error.cause.stack ?? error.cause.message}`
      : error.stack
  return truncateUtf8(causes, MAX_STACK_BYTES)
}

export function truncateUtf8(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= maxBytes) return text
  let end = maxBytes
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1 // not in the middle of a character
  return bytes.subarray(0, end).toString()
}
