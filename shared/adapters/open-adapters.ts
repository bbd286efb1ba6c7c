import { join } from 'node:path'
import type { DataDir } from './embedded/data-dir.ts'
import type { EmbeddedLog } from './embedded/embedded-log.ts'
import type { Store } from './stores/store.ts'
import type { Faults } from './faults/faults.ts'
import type { Config, KafkaConfig } from '../settings/config.ts'
import { databaseBytes } from '../disk/database-bytes.ts'
import { FUNCTIONS_KEY_FILE, LOG_FILE, ORDER_ID_SECRET_FILE, STORE_FILE } from '../disk/data-files.ts'
import { freeSpaceIn } from '../disk/free-space.ts'
import { isInDoubt, markInDoubt, settleDoubt } from '../disk/in-doubt.ts'
import { messageOf, OrderError } from '../domain/errors.ts'
import type { Logger } from '../telemetry/logs/logger.ts'
import type { PipelineEmitter } from '../messaging/pipeline-events.ts'
import type { BackUp } from '../ports/backup.ts'
import type { DiskUsage } from '../ports/disk-usage.ts'
import type { EventLog, LogConsumer, RecordRemoval } from '../ports/event-log.ts'

/** The log and the store that the settings select. */
export interface Adapters extends Store {
  readonly log: EventLog & LogConsumer
  /** Undefined if the log itself removes old records. */
  readonly removal: RecordRemoval | undefined
  /** Undefined if the log or the store is not in DATA_DIR. */
  readonly backUp: BackUp | undefined
  /** Undefined unless FAULTS=on in the embedded host. */
  readonly faults: Faults | undefined
  /** Descriptions of the log and the store, for operators. */
  readonly described: { readonly log: string; readonly store: string }
  readonly diskUsage: () => Promise<DiskUsage>
  /** The secrets in DATA_DIR, for a process without ORDER_ID_SECRET. */
  orderIdSecrets(): Promise<readonly [string, ...string[]]>
  /** The embedded host's operator key and, unless the key comes from the settings, the path of its file. */
  functionsKey(): Promise<{ readonly key: string; readonly file: string | undefined }>
  /** Writes this process's URL into DATA_DIR, for another process that finds the directory in use. */
  announce(url: string): Promise<void>
}

type LogHalf = Pick<Adapters, 'log'> & { readonly described: string; readonly embedded?: EmbeddedLog }
type StoreHalf = Store & { readonly described: string; readonly copyTo?: (file: string) => Promise<void> }
type Open<T> = () => Promise<T>
type PrepareLog = (log: Adapters['log'], failed: AbortSignal) => Promise<Adapters['log']>

/**
 * Locks the data directory, imports only the adapters that the settings select, and returns a function that opens them.
 * A process that uses Kafka and SQL Server does not load the embedded adapters, and vice versa. The log and the store
 * are chosen independently.
 *
 * The returned function must be called. It starts the threads of the log and the store before it waits for anything. It
 * calls `prepareLog` as soon as the log is open, and uses the log with which `prepareLog` resolves.
 */
export async function prepareAdapters(
  config: Config,
  logger: Logger,
  events: PipelineEmitter,
): Promise<(prepareLog: PrepareLog) => Promise<Adapters>> {
  const dataDir = config.runtime === 'embedded' ? await lockDataDir(config, logger) : undefined
  try {
    const [openLog, openStore] = await Promise.all([
      config.kafka === undefined ? loadEmbeddedLog(config, logger, events) : loadKafkaLog(config.kafka, config, logger),
      config.sqlConnectionString === undefined
        ? loadSqliteStore(config, logger)
        : loadMssqlStore(config.sqlConnectionString, config, logger),
    ])
    return (prepareLog) => openAdapters(config, dataDir, openLog, openStore, prepareLog)
  } catch (error) {
    await dataDir?.[Symbol.asyncDispose]()
    throw error
  }
}

async function openAdapters(
  config: Config,
  dataDir: DataDir | undefined,
  openLog: Open<LogHalf>,
  openStore: Open<StoreHalf>,
  prepareLog: PrepareLog,
): Promise<Adapters> {
  const failed = new AbortController()
  const openingLog = openLog()
  const openingStore = openStore()
  /** Also closes what is still being opened. The directory's lock is released last. */
  async function close(): Promise<void> {
    const [log, store] = await Promise.allSettled([openingLog, openingStore])
    if (store.status === 'fulfilled') await store.value[Symbol.asyncDispose]()
    if (log.status === 'fulfilled') await log.value.log[Symbol.asyncDispose]()
    await dataDir?.[Symbol.asyncDispose]()
  }
  try {
    const [log, store] = await Promise.all([
      openingLog.then(async (half) => ({ ...half, log: await prepareLog(half.log, failed.signal) })),
      openingStore,
    ])
    const adapters: Adapters = {
      ...store,
      log: log.log,
      removal: log.embedded,
      backUp: await backUpOf(config, log, store),
      faults: undefined,
      described: { log: log.described, store: store.described },
      diskUsage: () => diskUsageOf(config),
      orderIdSecrets: async () => [await secretOf(dataDir, ORDER_ID_SECRET_FILE)],
      functionsKey: async () => ({
        key: config.functionsKey ?? (await secretOf(dataDir, FUNCTIONS_KEY_FILE)),
        file: config.functionsKey === undefined ? join(config.dataDir, FUNCTIONS_KEY_FILE) : undefined,
      }),
      announce: async (url) => dataDir?.describeOwner({ url }),
      [Symbol.asyncDispose]: close,
    }
    return config.faults ? await withFaults(adapters) : adapters
  } catch (error) {
    failed.abort()
    await close()
    throw error
  }
}

async function lockDataDir({ dataDir }: Config, logger: Logger): Promise<DataDir> {
  const { openDataDir } = await import('./embedded/data-dir.ts')
  const locked = await openDataDir(dataDir, (message) => logger.warn({ event: 'secret:open-to-others' }, message))
  try {
    settleDiskDoubt(dataDir, logger)
    return locked
  } catch (error) {
    await locked[Symbol.asyncDispose]()
    throw error
  }
}

async function loadKafkaLog(kafka: KafkaConfig, config: Config, logger: Logger): Promise<Open<LogHalf>> {
  const { createKafkaLog } = await import('./kafka/kafka-log.ts')
  return async () => {
    const log = createKafkaLog({
      kafka,
      retentionMs: config.logRetentionMs,
      onWarning: (message) => logger.warn({ event: 'log:warned' }, message),
      onError: (error) => logger.error({ event: 'log:failed', err: error }, 'a connection to the log failed'),
    })
    return { log, described: `Kafka, ${kafka.brokers.join(',')}` }
  }
}

async function loadEmbeddedLog(config: Config, logger: Logger, events: PipelineEmitter): Promise<Open<LogHalf>> {
  const { createEmbeddedLog } = await import('./embedded/embedded-log.ts')
  return async () => {
    const log = await createEmbeddedLog({
      directory: config.dataDir,
      partitions: config.partitions,
      retentionMs: config.logRetentionMs,
      onAway: (error) =>
        logger.warn({ event: 'log:away', err: error }, "the log can't be written; orders are refused until it can be"),
      onBack: () => logger.warn({ event: 'log:back' }, 'the log can be written again'),
      onPassedOver: (topic, records) => events.emit('delivery:passed-over', { topic, records }),
      onDiskInDoubt: (error) => endInDoubt(config, error),
    })
    return { log, embedded: log, described: `embedded, ${join(config.dataDir, LOG_FILE)}` }
  }
}

async function loadMssqlStore(connectionString: string, config: Config, logger: Logger): Promise<Open<StoreHalf>> {
  const { createMssqlStore } = await import('./mssql/mssql-store.ts')
  return async () => {
    const store = await createMssqlStore({
      connectionString,
      // In the Functions runtime, a failed start would leave a host without functions. Instead, the process reports the
      // store as unusable and waits for it.
      mustBeUsable: config.runtime === 'embedded',
      onWarning: (message) => logger.warn({ event: 'store:warned' }, message),
      onError: (error) => logger.error({ event: 'store:failed', err: error }, 'a connection to the store failed'),
    })
    return { ...store, described: `SQL Server, ${store.described}` }
  }
}

async function loadSqliteStore(config: Config, logger: Logger): Promise<Open<StoreHalf>> {
  const { createSqliteStore } = await import('./sqlite/sqlite-store.ts')
  return async () => {
    const file = join(config.dataDir, STORE_FILE)
    const store = await createSqliteStore({
      file,
      onReindexFailed: (error) =>
        logger.warn(
          { event: 'search:index-failed', err: error },
          'the search index of stored orders could not be updated',
        ),
      onReadOnly: (error) =>
        logger.warn({ event: 'store:read-only', err: error }, "the store can't be written; queries are answered"),
      onWritable: () => logger.warn({ event: 'store:writable' }, 'the store can be written now'),
      onDiskInDoubt: (error) => endInDoubt(config, error),
    })
    const { copyStore } = await import('./sqlite/database/copy-store.ts')
    return { ...store, described: `SQLite, ${file}`, copyTo: (to) => copyStore(file, to) }
  }
}

async function backUpOf(
  { dataDir }: Config,
  { embedded }: LogHalf,
  { copyTo }: StoreHalf,
): Promise<BackUp | undefined> {
  if (embedded === undefined || copyTo === undefined) return undefined
  const { createBackUp } = await import('./embedded/back-up.ts')
  return createBackUp({ dataDir, log: embedded, copyStore: copyTo })
}

/**
 * Verifies and recreates the files if the previous process marked them as doubtful. Call this before the files are
 * opened.
 */
function settleDiskDoubt(dataDir: string, logger: Logger): void {
  if (!isInDoubt(dataDir)) return
  try {
    settleDoubt(dataDir)
  } catch (error) {
    throw new OrderError(
      'invalid-setting',
      `DATA_DIR: after a disk error, ${dataDir} can't be verified: ${messageOf(error)}. Repair the disk, make room for a copy of the log and the store, and start again.`,
      { cause: error },
    )
  }
  logger.warn({ event: 'disk:verified' }, 'the log and the store were verified and recreated after a disk error')
}

/**
 * Kills the process so that no caller gets a reply, because the process no longer knows what its files contain. An
 * orderly close would flush the files again, and that flush would seem to succeed although data may be missing. The
 * next start verifies the files.
 */
function endInDoubt({ dataDir }: Config, error: unknown): void {
  let next = 'start again to verify the files'
  try {
    markInDoubt(dataDir)
  } catch (cause) {
    next = `restart the machine, because ${dataDir} can't be marked either (${messageOf(cause)})`
  }
  process.stderr.write(
    `The disk of ${dataDir} failed (${messageOf(error)}). All accepted orders were already written to it; ${next}.\n`,
  )
  process.kill(process.pid, 'SIGKILL')
}

async function diskUsageOf({ runtime, kafka, sqlConnectionString, dataDir }: Config): Promise<DiskUsage> {
  if (runtime === 'functions') return { log: null, store: null, free: null }
  return {
    log: kafka === undefined ? databaseBytes(dataDir, LOG_FILE) : null,
    store: sqlConnectionString === undefined ? databaseBytes(dataDir, STORE_FILE) : null,
    free: (await freeSpaceIn(dataDir)).bytes,
  }
}

async function secretOf(dataDir: DataDir | undefined, name: string): Promise<string> {
  if (dataDir === undefined) throw new OrderError('internal', `This runtime has no directory for the secret ${name}.`)
  return dataDir.secret(name)
}

async function withFaults(adapters: Adapters): Promise<Adapters> {
  const { createFaults } = await import('./faults/faults.ts')
  const faults = createFaults()
  return {
    ...adapters,
    faults,
    log: faults.wrapLog(adapters.log),
    store: faults.wrapStore(adapters.store),
    views: faults.wrapViews(adapters.views),
    deadLetters: faults.wrapDeadLetters(adapters.deadLetters),
  }
}
