/**
 * Every error code of this product. docs/errors.md has a row for each code with its meaning and who can fix the error.
 * Some of the codes reach callers as problem types; the others only classify processing failures.
 */
export type ErrorCode =
  // Request errors.
  | 'malformed-json'
  | 'invalid-order'
  | 'invalid-change'
  | 'invalid-request'
  | 'order-not-found'
  | 'change-not-found'
  | 'order-archived'
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
  // Errors in log records.
  | 'undecodable-record'
  | 'unknown-event'
  | 'failed-elsewhere'
  | 'order-id-reused'
  | 'constraint-violated'
  | 'change-not-decided'
  | 'taken-out'
  | 'record-missing'
  | 'record-lost'
  // Errors from the log, the store and the process.
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

/** One error in a request: where (an RFC 6901 JSON pointer, or a parameter name) and why. */
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
  /** True if the same request, sent again later, may succeed. */
  readonly retriable?: boolean
  readonly cause?: unknown
  readonly violations?: readonly Violation[]
  /** Only for `log-unreadable`: the offsets of the batch. */
  readonly unreadable?: OffsetRange
  /**
   * Only for `log-unreadable`: consumers skip the batch, because the only copy is damaged and waiting does not help.
   */
  readonly isPassedOver?: boolean
  /** The number of seconds after which a caller may try again. */
  readonly retryAfterSeconds?: number
  /** The change that was accepted and then rejected while its caller waited. */
  readonly changeId?: string
}

/**
 * The only error class. Check errors with `isOrderError`, which tests properties and therefore also accepts errors from
 * another thread.
 */
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

/** The unreadable offsets; undefined for any other error. */
export function unreadableOffsets(error: unknown): OffsetRange | undefined {
  return isOrderError(error) && error.code === 'log-unreadable' ? error.unreadable : undefined
}

/**
 * The advice in log lines about an unreadable batch. Only the batch's own partition waits, until an operator
 * intervenes.
 */
export const TO_DO_IF_UNREADABLE =
  'its partition waits there and the others continue; see "A partition cannot be read" in docs/runbook.md'

/** The advice in log lines about an unreadable batch that is passed over (`isPassedOver`). */
export const TO_DO_IF_PASSED_OVER = 'its partition continues after it; see "Damage in the log" in docs/runbook.md'

/** The message of any thrown value, for logs and operators but never for callers. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
