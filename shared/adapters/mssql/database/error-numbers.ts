/**
 * The kinds of failure that the store distinguishes. The table below assigns SQL Server's error numbers to them. An
 * error whose number is not in the table is classified by its severity. Below severity 17, the error is a bug, such as
 * a syntax error or a missing table.
 *
 * Sources: [events] learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors;
 * [azure] learn.microsoft.com/azure/azure-sql/database/troubleshoot-common-errors-issues (transient errors, resource
 * governance, elastic pools).
 */
export type SqlFailure = 'busy' | 'unavailable' | 'full' | 'permission' | 'constraint' | 'unique'

/** One row for each reason: the kind of failure, and then the error numbers. */
const TABLE: readonly (readonly [SqlFailure, ...number[]])[] = [
  ['busy', 601], // [events] the rows moved during a scan
  ['busy', 1204], // no lock available
  ['busy', 1205], // chosen as the victim of a deadlock
  ['busy', 1222], // lock request timed out
  ['busy', 3958], // row versioning: the needed version of a row is gone
  ['busy', 3960], // update conflict under snapshot isolation
  ['busy', 3966], // row versioning: rolled back, because tempdb was needed
  ['busy', 8628], // the query was not optimised in time
  ['busy', 8645], // the query got no memory in time
  ['busy', 8651], // not even the minimum memory for the query is available
  ['busy', 10928], // [azure] governance: too many workers or sessions
  ['busy', 10929], // the server is too busy for more than the guaranteed minimum
  ['busy', 10936], // elastic pool: too many requests
  ['busy', 40501], // the server is too busy; Microsoft advises trying again in ten seconds
  ['busy', 40549], // the session was ended: its transaction took too long
  ['busy', 40550], // the session was ended: too many locks
  ['busy', 40551], // the session was ended: too much of tempdb
  ['busy', 40552], // the session was ended: too much of the transaction log
  ['busy', 40553], // the session was ended: too much memory
  ['busy', 49918], // transient: cannot process requests at present
  ['busy', 49919], // too many creates or updates
  ['busy', 49920], // too many operations for the subscription
  ['busy', 33557097], // Babelfish: every error without its own number, such as a lock timeout
  ['full', 1101], // no room in a filegroup for a page
  ['full', 1105], // no room in a filegroup
  ['full', 1132], // [azure] the elastic pool has reached its storage limit
  ['full', 3967], // row versioning: no room in tempdb
  ['full', 9002], // the transaction log is full
  ['full', 40544], // [azure] the database has reached its quota
  ['unavailable', 53, 64, 121, 233], // the connection was not made, or is gone
  ['unavailable', 596], // the session was killed
  ['unavailable', 615], // [azure] transient: the database was not found by its id
  ['unavailable', 701, 802], // out of memory or buffers
  ['unavailable', 823, 824, 825, 829, 832], // the disk failed or returned wrong data, or a page is damaged
  ['unavailable', 911], // the database does not exist (yet)
  ['unavailable', 921, 922, 924, 926, 927, 942, 943, 945, 946, 947], // recovering, suspect, restoring, offline or single-user
  ['unavailable', 952, 976, 978, 979, 983, 997], // in transition, or on a replica that does not accept this connection
  ['unavailable', 1203], // an attempt to release a lock that was not held
  ['unavailable', 3624], // an assertion of the engine failed
  ['unavailable', 3906, 3908], // the database is read-only, or in emergency mode
  ['unavailable', 4014], // the connection broke during the request
  ['unavailable', 4060, 4064], // the database, or the login's default database, cannot be opened
  ['unavailable', 4221], // [azure] transient: the replica is not ready for reads
  ['unavailable', 5120, 5123, 5149], // a file cannot be opened or extended
  ['unavailable', 6005, 6006, 17142, 17147, 17148, 18401, 18451], // shutting down, paused or being upgraded
  ['unavailable', 9001], // the transaction log is not available
  ['unavailable', 10053, 10054, 10060, 10061, 11001], // a socket error, or no such host
  ['unavailable', 17197], // login timed out
  ['unavailable', 18452, 18456, 18470, 18486, 18487, 18488], // the login is refused, disabled, locked out or expired
  ['unavailable', 40143, 40166, 40197, 40540, 40613, 42108, 42109], // [azure] being reconfigured, moved or resumed
  ['unavailable', 40532, 40615, 40914], // [azure] the server or its firewall refuses the connection
  ['unavailable', 50000], // our own number: another instance has been migrating for too long
  ['permission', 229], // [events] denied on an object
  ['permission', 230], // denied on a column
  ['permission', 262], // denied for a statement in the database
  ['permission', 297], // denied for this action
  ['permission', 300], // denied on the server
  ['permission', 916], // the login has no user in the database
  ['permission', 1088], // an object that does not exist, or that the login may not alter
  ['permission', 5011], // denied on the database: ALTER DATABASE
  // A value that a column cannot hold. Such a value can only come from an order, because the statements themselves
  // never change.
  ['constraint', 220, 232, 241, 242, 244, 245, 248], // a number or a date that does not fit or cannot be read
  ['constraint', 515], // null in a column that does not allow it
  ['constraint', 547], // a CHECK or a foreign key
  ['constraint', 2628, 8152], // text that is too long
  ['constraint', 8114, 8115, 8169], // a type that cannot be converted
  ['constraint', 13609], // text that is not JSON
  ['unique', 2601, 2627], // another transaction has just written this key
]

const FAILURES: ReadonlyMap<number, SqlFailure> = new Map(
  TABLE.flatMap(([failure, ...numbers]) => numbers.map((number) => [number, failure])),
)

/** The error number that the driver itself uses for a failed connection. */
const NO_CONNECTION = -2

export function failureOfNumber(number: number): SqlFailure | undefined {
  return number === NO_CONNECTION ? 'unavailable' : FAILURES.get(number)
}

/**
 * At severity 17 and above, the fault lies with the server's resources, software or hardware, and never with an order
 * (learn.microsoft.com/sql/relational-databases/errors-events/database-engine-error-severities).
 */
export function failureOfSeverity(severity: number): SqlFailure | undefined {
  return severity >= 17 ? 'unavailable' : undefined
}

/**
 * Errors that say that the server refuses the login, its password, or the client's network. On Azure these include
 * firewall rules and an unknown server name.
 */
const REFUSED_LOGINS: ReadonlySet<number> = new Set([
  4064, 18452, 18456, 18470, 18486, 18487, 18488, 40532, 40615, 40914,
])

/**
 * Whether somebody has to change a setting before the server accepts this login. Also true for an unknown number,
 * because an error's severity does not show whether a setting is at fault.
 */
export function refusesLogin(number: number): boolean {
  return REFUSED_LOGINS.has(number) || FAILURES.get(number) === undefined
}

/** Transient errors of Azure SQL Database after which Microsoft advises trying again in five seconds ([azure]). */
const TRY_AGAIN_AFTER_5_S: ReadonlySet<number> = new Set([
  615, 926, 4060, 4221, 10928, 10929, 10936, 40197, 40549, 40550, 40551, 40552, 40553, 40613, 49918, 49919, 49920,
])
const TOO_BUSY = 40501

/** The minimum wait before the next attempt; undefined if Microsoft advises none. */
export function advisedWaitSeconds(number: number): 5 | 10 | undefined {
  if (number === TOO_BUSY) return 10
  return TRY_AGAIN_AFTER_5_S.has(number) ? 5 : undefined
}
