import { isOrderError, messageOf, OrderError, type ErrorCode } from '../../../domain/errors.ts'
import { REJECTIONS } from '../../stores/refusals.ts'
import {
  advisedWaitSeconds,
  failureOfNumber,
  failureOfSeverity,
  refusesLogin,
  type SqlFailure,
} from './error-numbers.ts'

/**
 * Error codes of tedious, mssql and Node's sockets. A refused login is an outage too, because it ends when somebody
 * corrects the password.
 */
const UNAVAILABLE_CODES: ReadonlySet<string> = new Set([
  'ESOCKET',
  'ECONNCLOSED',
  'ECONNRESET',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'ELOGIN',
  'EINSTLOOKUP',
  'EENCRYPT',
  'EDEPRECATED',
  'ENOTOPEN',
  'ENOCONN',
  'ECONNECTION',
  'ESTREAM',
  'EFEDAUTH',
  'EALREADYCONNECTED',
  'ECLOSE',
  'EINVALIDSTATE',
  'EABORT',
  'ECANCEL',
])

/**
 * Classifies an error by the server's error number or, if that number is unknown, by the error's severity. An error
 * without a number is classified by the driver's code. Returns undefined if the error is a bug, such as a syntax error
 * or a missing table. Accepts any thrown value.
 */
export function failureOf(error: unknown): SqlFailure | undefined {
  const number = numberOf(error)
  if (number !== undefined) return failureOfNumber(number) ?? failureOfSeverity(severityOf(error))
  const name = error instanceof Error ? error.name : ''
  // Either all connections are in use or none can be made; the pool does not know which.
  if (name === 'TimeoutError') return 'unavailable'
  const code = codeOf(error)
  // A request may time out because it is slow, but if connecting times out, the server is unavailable.
  if (code === 'ETIMEOUT') return name === 'ConnectionError' ? 'unavailable' : 'busy'
  return UNAVAILABLE_CODES.has(code) ? 'unavailable' : undefined
}

/** Whether the server failed to answer a request in time. The request's outcome is then unknown. */
export function isRequestTimeout(error: unknown): boolean {
  return codeOf(error) === 'ETIMEOUT' && failureOf(error) === 'busy'
}

/** Whether the server, or Entra ID before it, refused the login. The settings are then the first thing to check. */
export function isRefusedLogin(error: unknown): boolean {
  const codes = chainOf(error).map(codeOf)
  if (codes.includes('EFEDAUTH')) return true
  // A login also fails while the database is being moved, is being resumed or is too busy, but that is an ordinary
  // outage.
  const number = numberOf(error)
  return codes.includes('ELOGIN') && (number === undefined || refusesLogin(number))
}

/** Whether the error concerns only one request, so that the connection can still be used. */
export function leavesConnectionSound(error: unknown): boolean {
  return isOrderError(error) || (numberOf(error) !== undefined && severityOf(error) < 20)
}

/**
 * Converts a driver error to the `OrderError` that the ports require. Any other error is a bug, and is returned
 * unchanged.
 */
export function toStoreError(error: unknown, server: string): unknown {
  switch (failureOf(error)) {
    case 'busy':
    case 'unique':
      return storeError('store-busy', server, error)
    case 'full':
      return storeError('store-full', server, error)
    case 'unavailable':
    case 'permission':
      return storeError('store-unavailable', server, error)
    case 'constraint':
      return new OrderError('constraint-violated', REJECTIONS['constraint-violated'].detail, { cause: error })
    case undefined:
      return error
  }
}

export function storeUnavailable(server: string, cause: unknown): OrderError {
  return storeError('store-unavailable', server, cause)
}

function storeError(code: ErrorCode, server: string, cause: unknown): OrderError {
  const number = numberOf(cause)
  const seconds = number === undefined ? undefined : advisedWaitSeconds(number)
  return new OrderError(code, `The store ${server} ${whyUnusable(cause)}: ${messageOf(cause)}`, {
    cause,
    retriable: true,
    ...(seconds !== undefined && { retryAfterSeconds: seconds }),
  })
}

/** Tells an operator what to check. The server's own message follows and names the object and the permission. */
function whyUnusable(cause: unknown): string {
  if (isRefusedLogin(cause)) return 'refuses the login'
  const number = numberOf(cause)
  return number !== undefined && failureOfNumber(number) === 'permission'
    ? 'denies the login a permission'
    : "can't be used"
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/**
 * The first known error number in the chain of causes. mssql wraps login errors, and if an error says only "aborted",
 * the errors before it give the reason.
 */
function numberOf(error: unknown): number | undefined {
  const known = chainOf(error).map(ownNumberOf)
  return (
    known.find((number) => number !== undefined && failureOfNumber(number) !== undefined) ??
    known.find((number) => number !== undefined)
  )
}

function chainOf(error: unknown): readonly unknown[] {
  if (!(error instanceof Error)) return []
  const preceding = 'precedingErrors' in error && Array.isArray(error.precedingErrors) ? error.precedingErrors : []
  const original = 'originalError' in error ? chainOf(error.originalError) : []
  const causes = error instanceof AggregateError ? (error.errors as unknown[]).flatMap(chainOf) : []
  return [...preceding, error, ...original, ...causes]
}

function ownNumberOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined
  if ('number' in error && typeof error.number === 'number') return error.number
  const info: unknown = 'info' in error ? error.info : undefined
  return typeof info === 'object' && info !== null && 'number' in info && typeof info.number === 'number'
    ? info.number
    : undefined
}

function severityOf(error: unknown): number {
  const classes = chainOf(error).map((one) => {
    return one instanceof Error && 'class' in one && typeof one.class === 'number' ? one.class : 0
  })
  return Math.max(0, ...classes)
}
