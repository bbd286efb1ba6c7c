import { isOrderError, messageOf, OrderError, type ErrorCode } from '../../../domain/errors.ts'
import { REJECTIONS } from '../../stores/refusals.ts'
import {
  advisedWaitSeconds,
  failureOfNumber,
  failureOfSeverity,
  refusesLogin,
  type SqlFailure,
} from './error-numbers.ts'

/** Codes of tedious, mssql and Node's sockets. A refused login is an outage too: somebody changes a password. */
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
 * By number when the server said it, and by severity where the number is not known; else by the driver's code. Undefined
 * for a fault of ours: a syntax error, a missing table. Total: looks at anything that was thrown.
 */
export function failureOf(error: unknown): SqlFailure | undefined {
  const number = numberOf(error)
  if (number !== undefined) return failureOfNumber(number) ?? failureOfSeverity(severityOf(error))
  const name = error instanceof Error ? error.name : ''
  // Every connection is taken, or none can be made: tarn does not know which.
  if (name === 'TimeoutError') return 'unavailable'
  const code = codeOf(error)
  // A request that took too long; a connection that did is away.
  if (code === 'ETIMEOUT') return name === 'ConnectionError' ? 'unavailable' : 'busy'
  return UNAVAILABLE_CODES.has(code) ? 'unavailable' : undefined
}

/** A request that the server did not answer in time, and of which nothing is known. */
export function isRequestTimeout(error: unknown): boolean {
  return codeOf(error) === 'ETIMEOUT' && failureOf(error) === 'busy'
}

/** Whether the server, or Entra ID before it, refused the login: the settings are the first place to look. */
export function isRefusedLogin(error: unknown): boolean {
  const codes = chainOf(error).map(codeOf)
  if (codes.includes('EFEDAUTH')) return true
  // A database that is moved, resumed or too busy says so in answer to the login: that is an outage like any other.
  const number = numberOf(error)
  return codes.includes('ELOGIN') && (number === undefined || refusesLogin(number))
}

/** The server said what is wrong with one request, at a severity that leaves the connection as it was. */
export function leavesConnectionSound(error: unknown): boolean {
  return isOrderError(error) || (numberOf(error) !== undefined && severityOf(error) < 20)
}

/** What the ports promise for an error; any other error as it is, because it is a fault of ours. */
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

/** What an operator has to look at. The server's own words, which follow, name the object and the permission. */
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

/** A login's number lies in what mssql wrapped. Errors that came first are the reason, the last may only say "aborted". */
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
