import sql from 'mssql'
import { readConnectionString } from './connection-string.ts'
import { leavesConnectionSound } from './errors.ts'

/** A parameter with its type. These are the only types that the statements use. */
export type Parameter =
  | { readonly type: 'text'; readonly value: string | null }
  | { readonly type: 'int' | 'bigint'; readonly value: number | null }
  | { readonly type: 'bytes'; readonly value: Uint8Array | null }
export type Parameters = Readonly<Record<string, Parameter>>

export type Row = Readonly<Record<string, unknown>>

export const text = (value: string | null): Parameter => ({ type: 'text', value })
export const json = (value: unknown): Parameter => ({ type: 'text', value: JSON.stringify(value) })
export const int = (value: number | null): Parameter => ({ type: 'int', value })
export const bigint = (value: number | null): Parameter => ({ type: 'bigint', value })
export const bytes = (value: Uint8Array | null): Parameter => ({ type: 'bytes', value })

/** The pool of connections to one database. Calls reject with the driver's own errors (errors.ts). */
export interface Connection extends AsyncDisposable {
  /** Host and database, for use in messages. Contains neither the user name nor the password. */
  readonly described: string
  /**
   * Opens the first connection. Rejects if the server cannot be reached or refuses the login. May be called repeatedly.
   */
  open(): Promise<void>
  /** Runs a statement in one round trip (sp_executesql) and returns the rows of each SELECT. */
  query(statement: string, parameters?: Parameters, timeoutMs?: number): Promise<readonly (readonly Row[])[]>
  /** Runs batches in one transaction on one connection, for migrations. */
  inTransaction(work: (run: (batch: string) => Promise<readonly Row[]>) => Promise<void>): Promise<void>
}

export interface ConnectionOptions {
  /**
   * A connection string in the mssql driver's format, such as `Server=host,1433;Database=orders;User
   * Id=…;Password=…;Encrypt=true`. The format also supports sign-in with Entra ID.
   */
  readonly connectionString: string
  /** Called if an idle connection fails, because then there is no call that could reject with the error. */
  readonly onError: (error: unknown) => void
}

/** The driver accepts a timeout for each request, but its types omit this option. */
const Request = sql.Request as unknown as new (
  parent: sql.ConnectionPool | sql.Transaction,
  options: { readonly requestTimeout: number },
) => sql.Request

const CONNECT_TIMEOUT_MS = 5000
const REQUEST_TIMEOUT_MS = 15_000
const MIGRATION_TIMEOUT_MS = 120_000
/** If the server does not confirm the cancellation of a request within this time, the connection is closed. */
const CANCEL_TIMEOUT_MS = 2000
const MAX_CONNECTIONS = 10
/** The longest NVARCHAR that is not NVARCHAR(MAX). */
const MAX_UNITS = 4000
const ACQUIRE_TIMEOUT_MS = 10_000

/** Throws `invalid-setting` as readConnectionString does. */
export function createConnection({ connectionString, onError }: ConnectionOptions): Connection {
  const config = toPoolConfig(connectionString)
  const pool = new sql.ConnectionPool(config)
  // Without a listener, an `error` event would end the process.
  pool.on('error', onError)
  let closed = false
  let connecting: Promise<unknown> = Promise.resolve()

  async function connect(): Promise<void> {
    if (closed) throw Object.assign(new Error('It is closed.'), { code: 'ENOTOPEN' })
    if (pool.connected) return
    const connected = pool.connect()
    connecting = Promise.allSettled([connected])
    await connected
  }

  /** Lends a connection to one request, and closes the connection after an error that may have damaged it. */
  async function request<T>(timeoutMs: number, work: (request: sql.Request) => Promise<T>): Promise<T> {
    await connect()
    const lender = lend(pool)
    try {
      const result = await work(new Request(lender.pool, { requestTimeout: timeoutMs }))
      lender.giveBack(true)
      return result
    } catch (error) {
      // A cancelled request may leave its transaction open. Closing the connection makes the server roll the
      // transaction back.
      lender.giveBack(leavesConnectionSound(error))
      throw error
    }
  }

  return {
    described: `${config.server}${config.port === undefined ? '' : `:${config.port}`}/${config.database ?? ''}`,
    open: connect,
    query(statement, parameters = {}, timeoutMs = config.requestTimeout ?? REQUEST_TIMEOUT_MS) {
      return request(timeoutMs, async (request) => {
        for (const [name, parameter] of Object.entries(parameters)) bind(request, name, parameter)
        const { recordsets } = await request.query<Row[]>(statement)
        return recordsets
      })
    },
    async inTransaction(work) {
      await connect()
      const transaction = new sql.Transaction(pool)
      await transaction.begin()
      let isOpen = true
      transaction.on('rollback', () => (isOpen = false))
      try {
        await work(async (batch) => {
          const { recordset } = await new Request(transaction, { requestTimeout: MIGRATION_TIMEOUT_MS }).batch<Row>(
            batch,
          )
          return recordset ?? []
        })
        await transaction.commit()
      } catch (error) {
        // With XACT_ABORT, the server may already have rolled back. The driver then emits `rollback`.
        if (isOpen) await transaction.rollback().catch(onError)
        throw error
      }
    },
    async [Symbol.asyncDispose]() {
      closed = true
      // A pool cannot be closed while it is connecting.
      await connecting
      await pool.close()
    },
  }
}

function bind(request: sql.Request, name: string, parameter: Parameter): void {
  switch (parameter.type) {
    case 'text':
      // Text is sent as NVARCHAR(MAX) only if it needs to be, because that type would prevent an index seek.
      request.input(
        name,
        sql.NVarChar((parameter.value?.length ?? 0) > MAX_UNITS ? sql.MAX : MAX_UNITS),
        parameter.value,
      )
      return
    case 'int':
      request.input(name, sql.Int, parameter.value)
      return
    case 'bigint':
      request.input(name, sql.BigInt, parameter.value)
      return
    case 'bytes':
      request.input(name, sql.VarBinary(sql.MAX), parameter.value === null ? null : Buffer.from(parameter.value))
  }
}

/** Checks only the socket's state, because `SELECT 1` before each request would double the round trips. */
const VALIDATE = 'socket'

/** Microsoft's recommendation for Azure SQL Database, where a gateway may first have to resume or move the database. */
const AZURE_CONNECT_TIMEOUT_MS = 30_000

/** The driver's configuration. Throws `invalid-setting` as readConnectionString does. */
export function toPoolConfig(connectionString: string): sql.config {
  const read = readConnectionString(connectionString)
  return {
    ...read,
    connectionTimeout: read.connectionTimeout ?? (isAzure(read.server) ? AZURE_CONNECT_TIMEOUT_MS : CONNECT_TIMEOUT_MS),
    requestTimeout: read.requestTimeout ?? REQUEST_TIMEOUT_MS,
    validateConnection: VALIDATE,
    options: {
      ...read.options,
      appName: 'order-event-processing',
      useUTC: true,
      cancelTimeout: CANCEL_TIMEOUT_MS,
    },
    pool: { max: MAX_CONNECTIONS, min: 0, acquireTimeoutMillis: ACQUIRE_TIMEOUT_MS, ...read.pool },
    ...(read.options.encrypt === true && { beforeConnect: (made: unknown) => refuseClearLogin(made as Tedious) }),
  }
}

/** Covers the public cloud and the national clouds. */
function isAzure(server: string): boolean {
  return /\.database\.(?:windows\.net|chinacloudapi\.cn|usgovcloudapi\.net)$/i.test(server)
}

/** A connection object of the tedious driver, whose types omit these members. */
interface Tedious {
  sendLogin7Packet(): void
  readonly messageIo: { readonly tlsNegotiationComplete: boolean }
}

/**
 * If the server offers no encryption, tedious 19.2 signs in without it although encryption was requested. Anyone on the
 * network could then read the password, so this throws instead of sending the login.
 */
function refuseClearLogin(connection: Tedious): void {
  const send = connection.sendLogin7Packet.bind(connection)
  connection.sendLogin7Packet = () => {
    if (!connection.messageIo.tlsNegotiationComplete) {
      const message = 'The server does not offer encryption, and nothing is sent unencrypted unless Encrypt is False.'
      throw Object.assign(new Error(message), { code: 'EENCRYPT' })
    }
    send()
  }
}

/** A connection from the pool. The driver's types omit these members. */
interface Lent {
  hasError: boolean
  close(): void
}

/**
 * Wraps the pool so that a request returns its connection to the wrapper. `giveBack` then returns the connection to the
 * pool, after closing it if it is broken.
 */
function lend(pool: sql.ConnectionPool): { pool: sql.ConnectionPool; giveBack(isSound: boolean): void } {
  const lent = new Set<Lent>()
  const release = (connection: Lent) => {
    lent.add(connection)
  }
  return {
    pool: Object.create(pool, { release: { value: release } }) as sql.ConnectionPool,
    giveBack(isSound) {
      for (const connection of lent) {
        if (!isSound) {
          connection.hasError = true
          connection.close()
        }
        ;(pool as unknown as { release(connection: Lent): void }).release(connection)
      }
      lent.clear()
    },
  }
}
