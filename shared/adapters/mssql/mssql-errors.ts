import { isOrderError, messageOf, OrderError, type ErrorCode } from '../../domain/errors.ts'

/**
 * What an error of SQL Server or of its driver means to the ports. Numbers:
 * https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors, and for Azure
 * https://learn.microsoft.com/azure/azure-sql/database/troubleshoot-common-errors-issues. Anything that is not in these
 * tables is a fault of ours: a syntax error, a missing table.
 */
export type SqlFailure = 'busy' | 'unavailable' | 'full' | 'constraint' | 'unique' | undefined

const BUSY: ReadonlySet<number> = new Set([
  1204, // no lock to be had
  1205, // chosen as the victim of a deadlock
  1222, // lock request timed out
  3960, // update conflict under snapshot isolation
  8645, // no memory for the query in time
  8651, // not the least memory for the query
  10928, // Azure: too many workers
  10929, // Azure: too busy for now
  40501, // Azure: too busy, come again in ten seconds
  49918, // Azure: cannot process requests at present
  49919, // Azure: too many creates or updates
  49920, // Azure: too many operations for the subscription
  33557097, // Babelfish: whatever it has no number for, lock timeouts among them
])

const FULL: ReadonlySet<number> = new Set([
  1101, // no room in a filegroup for a page
  1105, // no room in a filegroup
  9002, // the transaction log is full
  40544, // Azure: the database has reached its quota
])

const UNAVAILABLE: ReadonlySet<number> = new Set([
  53,
  64,
  121,
  233, // the connection was not made, or is gone
  701, // out of memory
  802, // no buffer to be had
  823,
  824,
  825, // the disk gave an error, or wrong data
  829,
  832, // a page is damaged
  911, // the database does not exist (yet)
  922,
  926,
  927,
  942,
  943,
  945,
  946,
  947, // being recovered, suspect, restoring, offline, cannot be opened
  952, // in transition
  976,
  978,
  979,
  983, // a replica that does not take this connection
  3906,
  3908, // the database is read-only, or in emergency mode
  4014, // the connection broke in between
  4060, // the database cannot be opened by this login
  4221, // a replica that is not ready for reads
  5011,
  5120,
  5123,
  5149, // a file that cannot be opened or extended
  6005,
  6006, // shutting down
  9001, // the transaction log is not available
  10053,
  10054,
  10060,
  10061, // the socket
  11001, // no such host
  17142, // paused
  17197, // login timed out
  18401,
  18451, // upgrading, or shutting down
  18456,
  18470,
  18486,
  18487,
  18488, // the login was refused, is disabled, locked out, expired
  40143,
  40166,
  40197,
  40540,
  40613,
  42108,
  42109, // Azure: reconfigured, moved, resuming
  50000, // ours: another instance migrates for too long
  40532,
  40615,
  40914, // Azure: the server or its firewall does not let us in
])

const UNIQUE: ReadonlySet<number> = new Set([2601, 2627])

/** A value that no column takes. Only an order can be the reason, for every statement is fixed. */
const CONSTRAINT: ReadonlySet<number> = new Set([
  220,
  232,
  241,
  242,
  244,
  245,
  248, // a number or a date that does not fit or cannot be read
  515, // null where none may be
  547, // a CHECK or a foreign key
  2628,
  8152, // text that is too long
  8114,
  8115,
  8169, // a type that cannot be converted
  13609, // JSON that is none
])

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

/** By number when the server said it, else by the driver's code. Total: looks at anything that was thrown. */
export function failureOf(error: unknown): SqlFailure {
  const number = numberOf(error)
  if (number !== undefined) return failureOfNumber(number)
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

/** Whether the server refused the login: the settings are the first place to look. */
export function isRefusedLogin(error: unknown): boolean {
  return codeOf(error) === 'ELOGIN'
}

/** The server said what is wrong with one request, at a severity that leaves the connection as it was. */
export function leavesConnectionSound(error: unknown): boolean {
  return isOrderError(error) || (numberOf(error) !== undefined && severityOf(error) < 20)
}

/** What the ports promise for an error; any other as it is, for it is a fault of ours. */
export function toStoreError(error: unknown, server: string): unknown {
  switch (failureOf(error)) {
    case 'busy':
    case 'unique':
      return storeError('store-busy', server, error)
    case 'full':
      return storeError('store-full', server, error)
    case 'unavailable':
      return storeError('store-unavailable', server, error)
    case 'constraint':
      return new OrderError('constraint-violated', 'It holds a value that the store does not allow.', { cause: error })
    case undefined:
      return error
  }
}

export function storeUnavailable(server: string, cause: unknown): OrderError {
  return storeError('store-unavailable', server, cause)
}

const RETRY_AFTER_SECONDS = 1

function storeError(code: ErrorCode, server: string, cause: unknown): OrderError {
  return new OrderError(code, `The store ${server} can't be used: ${messageOf(cause)}`, {
    cause,
    retriable: true,
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  })
}

function failureOfNumber(number: number): SqlFailure {
  if (UNIQUE.has(number)) return 'unique'
  if (CONSTRAINT.has(number)) return 'constraint'
  if (BUSY.has(number)) return 'busy'
  if (FULL.has(number)) return 'full'
  return UNAVAILABLE.has(number) || number === -2 ? 'unavailable' : undefined
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** A login's number lies in what mssql wrapped. Errors that came first are the reason, the last may only say "aborted". */
function numberOf(error: unknown): number | undefined {
  const known = chainOf(error).map(ownNumberOf)
  return known.find((number) => number !== undefined && failureOfNumber(number) !== undefined) ?? known.find(isNumber)
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

function isNumber(value: number | undefined): value is number {
  return value !== undefined
}

function severityOf(error: unknown): number {
  const classes = chainOf(error).map((one) => {
    return one instanceof Error && 'class' in one && typeof one.class === 'number' ? one.class : 0
  })
  return Math.max(0, ...classes)
}
