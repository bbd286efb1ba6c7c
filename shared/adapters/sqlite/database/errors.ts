import { isDiskFull } from '../../../disk/no-room.ts'
import { packError as pack, unpackError as unpack, type SentError } from '../../../threads/sent-error.ts'
import { isOrderError, messageOf, OrderError, type ErrorCode } from '../../../domain/errors.ts'

/** SQLite's primary result codes, each the low byte of its extended codes (https://www.sqlite.org/rescode.html). */
const BUSY = 5
const LOCKED = 6
const CONSTRAINT = 19
/** No order can cause any of these: PERM, NOMEM, READONLY, IOERR, CORRUPT, CANTOPEN, PROTOCOL, NOLFS, AUTH, NOTADB. */
const UNAVAILABLE: ReadonlySet<number> = new Set([3, 7, 8, 10, 11, 14, 15, 22, 23, 26])

export function isConstraintError(error: unknown): boolean {
  return primaryCodeOf(error) === CONSTRAINT
}

export function isBusyError(error: unknown): boolean {
  const code = primaryCodeOf(error)
  return code === BUSY || code === LOCKED
}

/** True if the error is not SQLite's and not an `OrderError`, which means that our own code failed. */
export function isBug(error: unknown): boolean {
  return !isOrderError(error) && primaryCodeOf(error) === undefined
}

/** Whether only the statement failed and the connection can still be used. */
export function leavesConnectionSound(error: unknown): boolean {
  return isOrderError(error) || isBusyError(error) || isConstraintError(error)
}

/**
 * Converts a SQLite error to the error that the ports promise for it. Returns any other error unchanged: an
 * `OrderError`, or an error that only a bug can cause.
 */
export function toStoreError(error: unknown, file: string): unknown {
  const code = codeFor(error)
  return code === undefined ? error : storeError(code, file, error)
}

export function storeUnavailable(file: string, cause: unknown): OrderError {
  return storeError('store-unavailable', file, cause)
}

function storeError(code: ErrorCode, file: string, cause: unknown): OrderError {
  const message =
    code === 'store-full'
      ? `The disk that holds the store ${file} is full: make room on it, and the store will continue on its own`
      : `The store ${file} can't be used: ${messageOf(cause)}`
  return new OrderError(code, message, { cause, retriable: true })
}

function codeFor(error: unknown): ErrorCode | undefined {
  const primary = primaryCodeOf(error)
  if (primary === undefined) return undefined
  if (primary === BUSY || primary === LOCKED) return 'store-busy'
  if (isDiskFull(error)) return 'store-full'
  return UNAVAILABLE.has(primary) ? 'store-unavailable' : undefined
}

function primaryCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined
  return error.errcode & 0xff
}

/** An error in the form in which it is sent between threads. `OrderError`s keep their members and causes. */
export interface SentStoreError extends SentError {
  readonly orderError?: Pick<OrderError, 'code' | 'message' | 'retriable' | 'violations' | 'retryAfterSeconds'> & {
    readonly cause: SentStoreError | undefined
  }
}

export function packError(error: unknown): SentStoreError {
  if (!isOrderError(error)) return pack(error)
  const { code, message, retriable, violations, retryAfterSeconds } = error
  const cause = error.cause === undefined ? undefined : packError(error.cause)
  return { error: undefined, orderError: { code, message, retriable, violations, retryAfterSeconds, cause } }
}

export function unpackError(sent: SentStoreError): unknown {
  if (sent.orderError === undefined) return unpack(sent)
  const { code, message, retriable, violations, retryAfterSeconds, cause } = sent.orderError
  return new OrderError(code, message, {
    retriable,
    violations,
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    ...(cause !== undefined && { cause: unpackError(cause) }),
  })
}
