import { join } from 'node:path'
import type { DataDir } from './embedded/data-dir.ts'
import type { EmbeddedLog } from './embedded/embedded-log.ts'
import type { Store } from './stores/store.ts'
import type { Faults } from './faults/faults.ts'
import type { Config } from '../settings/config.ts'
import { databaseBytes } from '../disk/database-bytes.ts'
import { FUNCTIONS_KEY_FILE, LOG_FILE, ORDER_ID_SECRET_FILE, STORE_FILE } from '../disk/data-files.ts'
import { freeSpaceIn } from '../disk/free-space.ts'
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

/**
 * Imports only the adapters that the settings select. A process on Kafka and SQL Server does not load the embedded
 * adapters, and vice versa. The log and the store are chosen independently.
 */
export async function openAdapters(config: Config, logger: Logger, events: PipelineEmitter): Promise<Adapters> {
  const opened: AsyncDisposable[] = []
  const close = async () => {
    // In reverse order, so that the directory's lock is released last.
    for (const resource of opened.splice(0).toReversed()) await resource[Symbol.asyncDispose]()
  }
  try {
    const dataDir = config.runtime === 'embedded' ? await openDataDir(config, logger) : undefined
    if (dataDir !== undefined) opened.push(dataDir)
    if (dataDir !== undefined) await settleDiskDoubt(config, logger)
    const [log, store] = await Promise.all([openLog(config, logger, events), openStore(config, logger)])
    opened.push(log.log, store)
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
    await close()
    throw error
  }
}

async function openDataDir({ dataDir }: Config, logger: Logger): Promise<DataDir> {
  const embedded = await import('./embedded/data-dir.ts')
  return embedded.openDataDir(dataDir, (message) => logger.warn({ event: 'secret:open-to-others' }, message))
}

async function openLog(config: Config, logger: Logger, events: PipelineEmitter): Promise<LogHalf> {
  if (config.kafka !== undefined) {
    const { createKafkaLog } = await import('./kafka/kafka-log.ts')
    const log = createKafkaLog({
      kafka: config.kafka,
      retentionMs: config.logRetentionMs,
      onWarning: (message) => logger.warn({ event: 'log:warned' }, message),
      onError: (error) => logger.error({ event: 'log:failed', err: error }, 'a connection to the log failed'),
    })
    return { log, described: `Kafka, ${config.kafka.brokers.join(',')}` }
  }
  const { createEmbeddedLog } = await import('./embedded/embedded-log.ts')
  const onDiskInDoubt = await endWhenInDoubt(config)
  const log = await createEmbeddedLog({
    directory: config.dataDir,
    partitions: config.partitions,
    retentionMs: config.logRetentionMs,
    onAway: (error) =>
      logger.warn({ event: 'log:away', err: error }, "the log can't be written; orders are refused until it can be"),
    onBack: () => logger.warn({ event: 'log:back' }, 'the log can be written again'),
    onPassedOver: (topic, records) => events.emit('delivery:passed-over', { topic, records }),
    onDiskInDoubt,
  })
  return { log, embedded: log, described: `embedded, ${join(config.dataDir, LOG_FILE)}` }
}

async function openStore(config: Config, logger: Logger): Promise<StoreHalf> {
  if (config.sqlConnectionString !== undefined) {
    const { createMssqlStore } = await import('./mssql/mssql-store.ts')
    const store = await createMssqlStore({
      connectionString: config.sqlConnectionString,
      // In the Functions runtime, a failed start would leave a host without functions. Instead, the process reports the
      // store as unusable and waits for it.
      mustBeUsable: config.runtime === 'embedded',
      onWarning: (message) => logger.warn({ event: 'store:warned' }, message),
      onError: (error) => logger.error({ event: 'store:failed', err: error }, 'a connection to the store failed'),
    })
    return { ...store, described: `SQL Server, ${store.described}` }
  }
  const { createSqliteStore } = await import('./sqlite/sqlite-store.ts')
  const file = join(config.dataDir, STORE_FILE)
  const onReindexFailed = (error: unknown) =>
    logger.warn({ event: 'search:index-failed', err: error }, 'the search index of stored orders could not be updated')
  const onDiskInDoubt = await endWhenInDoubt(config)
  const store = await createSqliteStore({
    file,
    onReindexFailed,
    onReadOnly: (error) =>
      logger.warn({ event: 'store:read-only', err: error }, "the store can't be written; queries are answered"),
    onWritable: () => logger.warn({ event: 'store:writable' }, 'the store can be written now'),
    onDiskInDoubt,
  })
  const { copyStore } = await import('./sqlite/database/copy-store.ts')
  return { ...store, described: `SQLite, ${file}`, copyTo: (to) => copyStore(file, to) }
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
 * Verifies and recreates the files if the previous process left them in doubt. Call this before the files are opened.
 */
async function settleDiskDoubt({ dataDir }: Config, logger: Logger): Promise<void> {
  const { isInDoubt, settleDoubt } = await import('../disk/in-doubt.ts')
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
 * Kills the process before any caller gets a reply, because the process no longer knows what its files contain. An
 * orderly close would flush the files again, and that flush would seem to succeed although data may be missing. The
 * next start verifies the files.
 */
async function endWhenInDoubt({ dataDir }: Config): Promise<(error: unknown) => void> {
  const { markInDoubt } = await import('../disk/in-doubt.ts')
  return (error) => {
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
