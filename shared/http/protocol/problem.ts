import type { HttpResponseInit } from '@azure/functions'
import { isOrderError, type ErrorCode, type OrderError } from '../../domain/errors.ts'
import { REQUEST_ID } from './request-id.ts'

/**
 * Errors as callers see them: RFC 9457 problem details. The `type` is stable and links to its explanation. Callers see
 * only text that we wrote, never a stack trace or a driver's message.
 */
export interface ProblemKind {
  readonly status: number
  readonly title: string
  /** The caller's next step, as shown in responses and on the page about problems. */
  readonly remedy: string
}

export const PROBLEMS = {
  'malformed-json': {
    status: 400,
    title: 'The body is not JSON',
    remedy: 'Send one JSON value in UTF-8; the detail says where reading stopped.',
  },
  'invalid-order': {
    status: 400,
    title: 'The order is not valid',
    remedy: 'Correct each member that `errors` points at (RFC 6901 pointers into the body), and send the order again.',
  },
  'invalid-change': {
    status: 400,
    title: 'The change is not valid',
    remedy:
      'Correct each member that `errors` points at (RFC 6901 pointers into the body), and send the change again. Nothing was changed.',
  },
  'invalid-request': {
    status: 400,
    title: 'The request is not valid',
    remedy: 'Correct the parameter or header that `errors` names.',
  },
  unauthorized: {
    status: 401,
    title: 'A function key is needed',
    remedy: 'Send the key in the x-functions-key header, or as ?code=.',
  },
  forbidden: {
    status: 403,
    title: 'The key lacks the required right',
    remedy: 'Send a key that has the required right: /docs says which right each route needs.',
  },
  'order-not-found': {
    status: 404,
    title: 'No such order',
    remedy: 'This id was never issued here. A request with an issued id never gets this response.',
  },
  'change-not-found': {
    status: 404,
    title: 'No such change',
    remedy: 'This id was never issued for this order. A request with an issued id never gets this response.',
  },
  'dead-letter-not-found': {
    status: 404,
    title: 'No such dead letter',
    remedy: 'GET /api/dead-letters lists the dead letters.',
  },
  'not-found': { status: 404, title: 'Nothing is here', remedy: 'The routes are listed at /docs.' },
  'method-not-allowed': { status: 405, title: 'Method not allowed', remedy: 'The Allow header lists the methods.' },
  conflict: {
    status: 409,
    title: 'Not possible now',
    remedy: 'Check the current state; the detail says why the request is not possible now.',
  },
  'order-cancelled': {
    status: 409,
    title: 'The order is cancelled',
    remedy: 'A cancelled order cannot be changed. Place a new order if you still want one.',
  },
  'order-discarded': {
    status: 409,
    title: 'The order was discarded',
    remedy: 'An operator discarded the order before it was stored. Place a new order.',
  },
  'version-conflict': {
    status: 409,
    title: 'The order was changed in the meantime',
    remedy: 'Read the order again. If the change is still wanted, send it with the new ETag of the order in If-Match.',
  },
  'earlier-change-discarded': {
    status: 409,
    title: 'An earlier change to the order was discarded',
    remedy:
      'An operator discarded a change that came before this one. Read the order, and send the change again if it is still wanted.',
  },
  overtaken: {
    status: 409,
    title: 'A later change took effect first',
    remedy:
      'The change was redriven only after a later one had taken effect. Read the order, and send the change again if it is still wanted.',
  },
  'constraint-violated': {
    status: 409,
    title: 'The store refuses the change',
    remedy: 'The order that the change would produce violates a constraint of the store: tell the operator.',
  },
  'order-archived': {
    status: 410,
    title: 'The order is archived',
    remedy: 'The order is in an archive and no longer here; an operator can restore it. Its id is never used again.',
  },
  'precondition-failed': {
    status: 412,
    title: 'The order was changed in the meantime',
    remedy:
      'If-Match names an earlier version of the order. Read the order again. If the change is still wanted, send it with the new ETag of the order.',
  },
  'payload-too-large': { status: 413, title: 'The body is too large', remedy: 'At most 1 MiB: split the order.' },
  'unsupported-media-type': {
    status: 415,
    title: 'The body is not declared as JSON',
    remedy: 'Send content-type: application/json, in UTF-8; with PATCH, application/merge-patch+json.',
  },
  'idempotency-key-reused': {
    status: 422,
    title: 'The Idempotency-Key was used for another order or change',
    remedy: 'Use a new key for a new order or change. Use the same key only to repeat the same request.',
  },
  'queue-full': {
    status: 429,
    title: 'Too many orders are waiting',
    remedy: 'Send it again after Retry-After. Nothing was written.',
  },
  'log-unavailable': {
    status: 503,
    title: 'The log cannot accept orders now',
    remedy: 'Send it again after Retry-After, preferably with an Idempotency-Key, so that it is stored only once.',
  },
  'log-unreadable': {
    status: 503,
    title: 'Part of the log cannot be read',
    remedy: 'Tell the operator: the product’s log output says which part cannot be read, and why.',
  },
  'clock-wrong': {
    status: 503,
    title: 'The clock of this machine is wrong',
    remedy:
      'The log refuses timestamps from this machine’s clock, so tell the operator. Send the request again after Retry-After; another instance may accept it.',
  },
  'store-unavailable': {
    status: 503,
    title: 'Orders cannot be read now',
    remedy: 'Try again after Retry-After. Orders are still accepted and none is lost.',
  },
  'record-too-large': { status: 413, title: 'The order is too large for the log', remedy: 'Split the order.' },
  'shutting-down': {
    status: 503,
    title: 'This instance is stopping',
    remedy: 'Send it again. Another instance will handle it.',
  },
  internal: {
    status: 500,
    title: 'A fault on our side',
    remedy: 'Tell the operator the time and the path; the log has the details.',
  },
} as const satisfies Partial<Record<ErrorCode, ProblemKind>>

export type ProblemCode = keyof typeof PROBLEMS

const DEFAULT_RETRY_AFTER_SECONDS = 1
const SAME_PROBLEM: Readonly<Partial<Record<ErrorCode, ProblemCode>>> = {
  'log-full': 'log-unavailable',
  'store-busy': 'store-unavailable',
  'store-full': 'store-unavailable',
}
/** The beginning of the detail. The remedy follows it, and is the same for all problems of one type. */
const CAUSES: Readonly<Partial<Record<ErrorCode, string>>> = {
  'log-full': 'The log’s disk is full: nothing is accepted until the operator frees some space. ',
  'store-full': 'The store’s disk is full. ',
}
/** Codes whose messages we wrote. Messages of other errors may contain text from a driver. */
const SPEAKS_TO_CALLERS: ReadonlySet<ProblemCode> = new Set([
  'malformed-json',
  'invalid-order',
  'invalid-change',
  'invalid-request',
  'order-not-found',
  'change-not-found',
  'dead-letter-not-found',
  'not-found',
  'method-not-allowed',
  'conflict',
  'order-cancelled',
  'order-discarded',
  'version-conflict',
  'earlier-change-discarded',
  'overtaken',
  'constraint-violated',
  'order-archived',
  'precondition-failed',
  'payload-too-large',
  'unsupported-media-type',
  'idempotency-key-reused',
])

export function problemCodeOf(error: unknown): ProblemCode {
  if (!isOrderError(error)) return 'internal'
  const code = SAME_PROBLEM[error.code] ?? error.code
  return code in PROBLEMS ? (code as ProblemCode) : 'internal'
}

/** Converts any error to a response. `instance` is the requested path, `requestId` the request's id. */
export function toProblem(
  error: unknown,
  instance: string,
  { requestId, headers = {} }: { requestId: string; headers?: Record<string, string> },
): HttpResponseInit {
  const code = problemCodeOf(error)
  const { status, title, remedy } = PROBLEMS[code]
  const known = isOrderError(error) ? error : undefined
  const cause = known === undefined ? '' : (CAUSES[known.code] ?? '')
  const body = {
    type: problemType(code),
    title,
    status,
    detail: known !== undefined && SPEAKS_TO_CALLERS.has(code) ? known.message : `${cause}${remedy}`,
    instance,
    requestId,
    ...(known?.changeId !== undefined && { changeId: known.changeId }),
    ...(known !== undefined && known.violations.length > 0 && { errors: known.violations }),
  }
  return {
    status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      [REQUEST_ID]: requestId,
      ...retryAfter(status, known),
      ...headers,
    },
    body: JSON.stringify(body),
  }
}

/** A relative link to the explanation, on a page that the product serves. */
export function problemType(code: ProblemCode): string {
  return `/docs/errors#${code}`
}

function retryAfter(status: number, error: OrderError | undefined): Record<string, string> {
  if (status !== 429 && status !== 503) return {}
  return { 'retry-after': String(error?.retryAfterSeconds ?? DEFAULT_RETRY_AFTER_SECONDS) }
}
