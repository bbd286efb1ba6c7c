import { createHash } from 'node:crypto'
import { isOrderError, messageOf, type ErrorCode } from '../domain/errors.ts'
import { ownFrame } from '../domain/stack.ts'
import type { Cause } from '../domain/order-view.ts'

/**
 * What went wrong, and so what follows (docs/errors.md has the table):
 * - `poison`: this record can never be stored as it is; dead-lettered at once.
 * - `transient`: the same again may work; tried in place, then by the retry topics.
 * - `outage`: the store or the log is away; the batch is good and is held until they are back.
 * - `bug`: our own code failed; treated as transient, so that a deploy can mend it, then dead-lettered.
 */
export type FailureClass = 'poison' | 'transient' | 'outage' | 'bug'

export interface Failure {
  readonly class: FailureClass
  /** In a caller's words. */
  readonly cause: Cause
  /** Groups failures of the same kind: code, normalised message, place. */
  readonly fingerprint: string
  /** At most 8 KiB. */
  readonly stack: string | null
  readonly error: unknown
}

const CLASS_OF: Readonly<Partial<Record<ErrorCode, FailureClass>>> = {
  'undecodable-record': 'poison',
  'unknown-event': 'poison',
  'invalid-order': 'poison',
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
  'clock-wrong': 'The log refused the time of a clock of ours.',
}

/** Total: whatever is thrown has a class. An error that we do not know is a bug of ours, never the order's fault. */
export function classify(error: unknown): Failure {
  const code = isOrderError(error) ? error.code : 'internal'
  const failureClass = CLASS_OF[code] ?? 'bug'
  // A driver's message may hold anything, values included: only what we wrote ourselves reaches a caller.
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

/** The same for the same kind of failure, whatever ids, numbers and quoted values its message holds. */
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

/** The first frame of our own code, without its line: a release moves lines, not faults. */
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
