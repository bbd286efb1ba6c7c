/**
 * Every code with which this product refuses or fails. Each has a row in docs/errors.md with its meaning and who can fix
 * it. The first group reaches callers as problem types; the others classify failures in processing.
 */
export type ErrorCode =
  // Faults of requests.
  | 'malformed-json'
  | 'invalid-order'
  | 'invalid-change'
  | 'invalid-request'
  | 'order-not-found'
  | 'change-not-found'
  | 'dead-letter-not-found'
  | 'not-found'
  | 'unauthorized'
  | 'forbidden'
  | 'method-not-allowed'
  | 'payload-too-large'
  | 'unsupported-media-type'
  | 'idempotency-key-reused'
  | 'conflict'
  | 'precondition-failed'
  | 'queue-full'
  // Why a change is refused or rejected.
  | 'order-cancelled'
  | 'order-discarded'
  | 'version-conflict'
  | 'earlier-change-discarded'
  | 'overtaken'
  // Faults of records in the log.
  | 'undecodable-record'
  | 'unknown-event'
  | 'failed-elsewhere'
  | 'order-id-reused'
  | 'constraint-violated'
  | 'change-not-decided'
  | 'taken-out'
  | 'record-missing'
  // Faults of the log, the store and the process.
  | 'log-unavailable'
  | 'log-full'
  | 'log-unreadable'
  | 'clock-wrong'
  | 'record-too-large'
  | 'store-unavailable'
  | 'store-full'
  | 'store-busy'
  | 'invalid-setting'
  | 'data-dir-locked'
  | 'shutting-down'
  | 'internal'

/** One fault of a request: where (an RFC 6901 JSON pointer, or the name of a parameter) and why. */
export interface Violation {
  readonly pointer: string
  readonly detail: string
}

export interface OffsetRange {
  readonly from: number
  /** Exclusive. */
  readonly to: number
}

export interface OrderErrorOptions {
  /** True if the same request may succeed later without a change. */
  readonly retriable?: boolean
  readonly cause?: unknown
  readonly violations?: readonly Violation[]
  /** Of `log-unreadable`: the offsets of the batch. */
  readonly unreadable?: OffsetRange
  /** Of `log-unreadable`: consumers continue behind it, because the only copy is damaged and waiting does not help. */
  readonly isPassedOver?: boolean
  /** When a caller may try again, in seconds. */
  readonly retryAfterSeconds?: number
  /** The change that was accepted and then rejected while its caller waited. */
  readonly changeId?: string
}

/** The one error class. Recognise it with `isOrderError`, by property, so that a copy from another thread counts too. */
export class OrderError extends Error {
  override readonly name = 'OrderError'
  readonly code: ErrorCode
  readonly retriable: boolean
  readonly violations: readonly Violation[]
  readonly unreadable: OffsetRange | undefined
  readonly isPassedOver: boolean
  readonly retryAfterSeconds: number | undefined
  readonly changeId: string | undefined

  constructor(code: ErrorCode, message: string, options: OrderErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retriable = options.retriable ?? false
    this.violations = options.violations ?? []
    this.unreadable = options.unreadable
    this.isPassedOver = options.isPassedOver ?? false
    this.retryAfterSeconds = options.retryAfterSeconds
    this.changeId = options.changeId
  }
}

export function isOrderError(error: unknown): error is OrderError {
  return error instanceof Error && error.name === 'OrderError' && 'code' in error && 'retriable' in error
}

/** The offsets that could not be read; undefined for any other error. */
export function unreadableOffsets(error: unknown): OffsetRange | undefined {
  return isOrderError(error) && error.code === 'log-unreadable' ? error.unreadable : undefined
}

/** For log lines about such an error: only its own partition waits, until a person acts. */
export const TO_DO_IF_UNREADABLE =
  'its partition waits there and the others go on; see "A partition cannot be read" in docs/runbook.md'

/** The same for an error that `isPassedOver`. */
export const TO_DO_IF_PASSED_OVER = 'its partition goes on behind it; see "Damage in the log" in docs/runbook.md'

/** The message of anything that was thrown, for logs and operators; never for callers. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
