import { setTimeout as sleep } from 'node:timers/promises'
import { isOrderError, messageOf } from '../../domain/errors.ts'
import { createArchive } from './archive/archive.ts'
import { createConnection, type Connection } from './database/connection.ts'
import { createDeadLetters } from './dead-letters/dead-letters.ts'
import { createForgetting } from './forgetting/forget-customer.ts'
import { createLedger } from './ledger/ledger.ts'
import { failureOf, isRefusedLogin, storeUnavailable, toStoreError } from './database/errors.ts'
import { readMigrations } from '../../disk/migration-files.ts'
import { checkHealth, type Store } from '../stores/store.ts'
import { createOrderQueries } from './orders/order-views.ts'
import { prepareDatabase, type Adapt } from './database/prepare-database.ts'
import { createMaintenance } from './maintenance.ts'
import { createQuery, type Query } from './database/query.ts'
import { createRedrives } from './redrives/redrives.ts'
import { createRetention } from './retention/retention.ts'
import { reindex } from './search/search-reindex.ts'
import { createBatchCommands } from './orders/store-batch.ts'

/**
 * The store on SQL Server or Azure SQL Database. All instances share the database, and each has its own connection
 * pool.
 */
export interface MssqlStore extends Store {
  /** Host and database, for use in messages. */
  readonly described: string
}

export interface MssqlStoreOptions {
  readonly connectionString: string
  /** Called for problems that do not stop the store. */
  readonly onWarning: (message: string) => void
  /** Called if an idle connection fails. */
  readonly onError: (error: unknown) => void
  /**
   * Whether opening the store fails if this program cannot use the database, for example because a newer version of the
   * program has migrated it. If false, such a failure only causes a warning. Each call then tries again, and rejects
   * with `store-unavailable` if that fails too.
   */
  readonly mustBeUsable?: boolean
  /** The directory of the migrations. The URL ends with a slash. */
  readonly migrations?: URL
}

/**
 * How long `createMssqlStore` waits for the tables to be migrated. A longer wait might make a supervisor think that the
 * process has hung.
 */
const START_WAIT_MS = 5000
const IS_SOURCE = import.meta.url.endsWith('.ts')
/** The compiled program is one directory deeper, in dist/, but its migrations are not. */
const MIGRATIONS = new URL(`${IS_SOURCE ? '' : '../'}../../../infra/sql/mssql/`, import.meta.url)

/** A read-only database answers queries but stores nothing. */
export const PROBE = "SELECT CAST(DATABASEPROPERTYEX(DB_NAME(), 'Updateability') AS VARCHAR(20)) AS updateability;"

/**
 * Connects to the database and migrates its tables, but waits at most five seconds for a server that does not answer.
 * If the server is unavailable or refuses the login, there is one warning, and every call rejects with
 * `store-unavailable` until a call succeeds in preparing the database. Rejects with `invalid-setting` for an invalid
 * connection string and, if the database must be usable, for a database that a newer version of the program has
 * migrated.
 */
export async function createMssqlStore(options: MssqlStoreOptions): Promise<MssqlStore> {
  const { connectionString, onWarning, onError, mustBeUsable = true, migrations = MIGRATIONS } = options
  const connection = createConnection({ connectionString, onError })
  const disposed = new AbortController()
  const prepare = once(async () => {
    const adapt = await prepareDatabase(connection, readMigrations(migrations), onWarning)
    void reindex({ query, signal: disposed.signal, onWarning })
    return adapt
  })
  const query = translated(connection, createQuery(connection), prepare)
  const tellAway = (error: unknown) => onWarning(awayMessage(connection.described, error))
  const prepared = prepare().catch((error: unknown) => {
    if (mustBeUsable && failureOf(error) === undefined && !isStoreUnavailable(error)) throw error
    tellAway(error)
  })
  const answered = new AbortController()
  const hangs = sleep(START_WAIT_MS, 'hangs', { signal: answered.signal }).catch(() => 'answered')
  try {
    if ((await Promise.race([prepared, hangs])) === 'hangs') {
      tellAway(new Error(`It has not answered for ${START_WAIT_MS / 1000} s.`))
      prepared.catch(tellAway)
    }
  } catch (error) {
    disposed.abort()
    await connection[Symbol.asyncDispose]()
    throw error
  } finally {
    answered.abort()
  }

  const dispose = async () => {
    disposed.abort()
    await connection[Symbol.asyncDispose]()
  }
  const { findByIdempotencyKey, findChangeByIdempotencyKey, ...views } = createOrderQueries(query)
  const { archivedAt, ...archive } = createArchive(query)
  return {
    store: {
      ...createBatchCommands(query),
      findByIdempotencyKey,
      findChangeByIdempotencyKey,
      health: () => checkHealth(() => probe(query)),
      [Symbol.asyncDispose]: dispose,
    },
    views: { ...views, archivedAt },
    deadLetters: createDeadLetters(query),
    ledger: createLedger(query),
    redriveTasks: createRedrives(query),
    maintenance: createMaintenance(query),
    archive,
    forgetting: createForgetting(query),
    retention: createRetention(query),
    described: connection.described,
    [Symbol.asyncDispose]: dispose,
  }
}

/** Makes every call wait until the tables are migrated, and converts errors to those that the ports describe. */
function translated(connection: Connection, query: Query, prepare: () => Promise<Adapt>): Query {
  return async (statement, parameters, timeoutMs) => {
    let adapt: Adapt
    try {
      adapt = await prepare()
    } catch (error) {
      // If the tables cannot be migrated, the orders are not at fault, so they wait.
      throw storeUnavailable(connection.described, error)
    }
    try {
      return await query(adapt(statement, parameters), parameters, timeoutMs)
    } catch (error) {
      throw toStoreError(error, connection.described)
    }
  }
}

/** Does the work once. Concurrent calls share the result; after a failure, the next call tries again. */
function once<T>(work: () => Promise<T>): () => Promise<T> {
  let done: Promise<T> | undefined
  return () => {
    done ??= work().catch((error: unknown) => {
      done = undefined
      throw error
    })
    return done
  }
}

async function probe(query: Query): Promise<void> {
  const [[row] = []] = await query(PROBE)
  if (row?.['updateability'] === 'READ_ONLY') throw new Error('The database is read-only.')
}

function isStoreUnavailable(error: unknown): boolean {
  return isOrderError(error) && error.code === 'store-unavailable'
}

function awayMessage(server: string, error: unknown): string {
  const why = isRefusedLogin(error) ? 'refuses the login' : "can't be used yet"
  return `SQL Server ${server} ${why}: ${messageOf(error)} Orders wait in the log until it can be used.`
}
