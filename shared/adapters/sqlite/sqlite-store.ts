import { setTimeout as sleep } from 'node:timers/promises'
import { isNoRoom } from '../../disk/no-room.ts'
import { isOrderError, messageOf } from '../../domain/errors.ts'
import type { RedriveTask } from '../../ports/redrives.ts'
import { continued } from '../stores/archive/continued.ts'
import { inPacedSteps } from '../stores/archive/paced-steps.ts'
import { checkHealth, type Store } from '../stores/store.ts'
import { reindexInBackground } from './search/background-reindex.ts'
import type { Checker } from './threads/check-worker.ts'
import type { Reader } from './threads/read-worker.ts'
import { createStoreThread } from './threads/store-thread.ts'
import type { Writer } from './threads/write-worker.ts'

export interface SqliteStoreOptions {
  /** The file is created if it does not exist, but its directory must exist. */
  readonly file: string
  /** The directory of the migrations. The URL must end with a slash. */
  readonly migrations?: URL
  /**
   * Called each time a step fails while orders of an earlier version are indexed; the step is then retried. By default,
   * the process emits a warning.
   */
  readonly onReindexFailed?: (error: unknown) => void
  /** Called if the file was opened read-only because the disk is full. */
  readonly onReadOnly?: (error: unknown) => void
  /** Called when the file is writable again after `onReadOnly`. */
  readonly onWritable?: () => void
  /** Called if an error leaves the contents of the disk in doubt. From then on, the store refuses every call. */
  readonly onDiskInDoubt?: (error: unknown) => void
}

const WRITABLE_POLL_MS = 1000
/** The number of letters discarded in one step. Between steps, the writer can store a batch. */
const LETTERS_AT_ONCE = 200
const IS_SOURCE = import.meta.url.endsWith('.ts')
/** The compiled program is one directory deeper, in dist/, but its migrations are not. */
const MIGRATIONS = new URL(`${IS_SOURCE ? '' : '../'}../../../infra/sql/sqlite/`, import.meta.url)

/**
 * Opens the file and migrates its tables. If the disk is full and the tables are up to date, the file is opened
 * read-only, and each call that writes tries to reopen it for writing. Rejects with `invalid-setting` for a file that a
 * newer version of the program has migrated, and with `store-unavailable` or `store-full` for a file that cannot be
 * used.
 */
export async function createSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const { file, migrations = MIGRATIONS, onReindexFailed = warn } = options
  const { onReadOnly, onWritable, onDiskInDoubt } = options
  const disposed = new AbortController()
  const thread = { file, migrations: migrations.href, ...(onDiskInDoubt !== undefined && { onDiskInDoubt }) }
  const writer = createStoreThread<Writer>({ ...thread, name: 'store-writer', worker: workerUrl('write-worker') })
  const reader = createStoreThread<Reader>({ ...thread, name: 'store-reader', worker: workerUrl('read-worker') })
  let reindexing: Promise<void> | undefined
  function reindex(): void {
    let isPurged = false
    reindexing = reindexInBackground({
      async step(orders) {
        if (!isPurged) await writer.call('purgeIfDue')
        isPurged = true
        return writer.call('reindex', orders)
      },
      onFailed: onReindexFailed,
      signal: disposed.signal,
    })
  }
  const dispose = async () => {
    disposed.abort()
    await reindexing
    // The reader closes first, so that the writer is the last connection to close and leaves no WAL behind.
    await reader[Symbol.asyncDispose]()
    await writer[Symbol.asyncDispose]()
  }
  /** Resolves when the file can be written to or the store is closed. */
  async function untilWritable(): Promise<void> {
    try {
      for (let full: unknown = true; full !== undefined;) {
        await sleep(WRITABLE_POLL_MS, undefined, { signal: disposed.signal, ref: false })
        full = await writer.call('probe').then(
          () => undefined,
          (error: unknown) => error,
        )
      }
      onWritable?.()
      reindex()
    } catch (error) {
      if (!disposed.signal.aborted) throw error
    }
  }

  try {
    const full = await writer.call('probe').catch(unlessNoRoom)
    await reader.call('probe').catch((error: unknown) => {
      throw isOrderError(error) && error.code === 'store-full' ? error : (full ?? error)
    })
    if (full !== undefined) {
      onReadOnly?.(full)
      void untilWritable()
    } else reindex()
  } catch (error) {
    await dispose()
    throw error
  }

  return {
    store: {
      storeBatch: (batch) => writer.call('storeBatch', batch),
      previewBatch: (batch) => writer.call('previewBatch', batch),
      findChangeByIdempotencyKey: (keyHash) => reader.call('findChangeByIdempotencyKey', keyHash),
      findByIdempotencyKey: (keyHash) => reader.call('findByIdempotencyKey', keyHash),
      health: () => checkHealth(() => Promise.all([writer.call('probe'), reader.call('probe')])),
      [Symbol.asyncDispose]: dispose,
    },
    views: {
      get: async (orderId) => (await reader.call('getMany', [orderId])).get(orderId),
      getMany: (orderIds) => reader.call('getMany', orderIds),
      list: (query) => reader.call('list', query),
      search: (query) => reader.call('search', query),
      changes: (orderId, query) => reader.call('changesOf', orderId, query),
      getChanges: (changeIds) => reader.call('getChanges', changeIds),
      countWaiting: (orderIds) => reader.call('countWaiting', orderIds),
      archivedAt: (orderId) => reader.call('archivedAt', orderId),
      history: (orderId) => reader.call('history', orderId),
    },
    deadLetters: {
      keep: (letters) => writer.call('keepDeadLetters', letters),
      get: (id) => reader.call('getLetter', id),
      list: (query) => reader.call('listLetters', query),
      count: (query) => reader.call('countLetters', query),
      groups: (query) => reader.call('groupLetters', query),
    },
    ledger: {
      read: (groupId, topic, maxGaps) => reader.call('readLedger', groupId, topic, maxGaps),
      begin: (groupId, topic, starts, logId) => writer.call('beginLedger', groupId, topic, starts, logId),
      markBroken: (groupId, topic, brokenBy) => writer.call('markLogBroken', groupId, topic, brokenBy),
      settle: (groupId, settlements) => writer.call('settleLedger', groupId, settlements),
    },
    redriveTasks: {
      async create(task, act) {
        const { id } = task
        if (await writer.call('createRedrive', task, act)) while (await writer.call('gatherLetters', id, id));
        return writer.call('getTask', id)
      },
      get: (taskId) => reader.call('getRedrive', taskId),
      async list(query) {
        const { items, nextCursor } = await reader.call('listRedrives', query)
        const tasks: RedriveTask[] = []
        for (const id of items) {
          const task = await reader.call('getRedrive', id)
          if (task !== undefined) tasks.push(task)
        }
        return { items: tasks, nextCursor }
      },
      async lease(owner, nowMs, leaseMs) {
        for (;;) {
          const leased = await writer.call('leaseRedrive', owner, nowMs, leaseMs)
          if (leased === undefined || !leased.isGathering) return leased?.task
          while (await writer.call('gatherLetters', leased.task.id, owner));
        }
      },
      claim: (taskId, owner, limit) => writer.call('claimLetters', taskId, owner, limit),
      markSent: (taskId, letterIds, at) => writer.call('markSent', taskId, letterIds, at),
      release: (taskId, owner, next) => writer.call('releaseRedrive', taskId, owner, next),
      async change(taskId, to, act) {
        let after: number | undefined = to === 'running' ? 0 : undefined
        while (after !== undefined) after = await writer.call('forgetSteps', taskId, after)
        return writer.call('changeRedrive', taskId, to, act)
      },
      discard: (letterId, act) => writer.call('discardLetter', letterId, act),
      async discardMany(letterIds, act) {
        let discarded = 0
        for (const some of inSteps(letterIds, LETTERS_AT_ONCE)) {
          discarded += await writer.call('discardLetters', some, act)
        }
        return discarded
      },
      discardChange: (changeId, act) => writer.call('discardChange', changeId, act),
      restore: (letterId, act) => writer.call('restoreLetter', letterId, act),
      recordEdit: (letterId, value, act) => writer.call('recordEdit', letterId, value, act),
      markEdited: (letterId, act) => writer.call('markEdited', letterId, act),
      audit: (query) => reader.call('audit', query),
    },
    archive: {
      exportOrders: (query) => reader.call('exportOrders', query),
      async archiveOrders(orders, file, act) {
        let [archived, known] = [0, 0]
        const changed: string[] = []
        await inPacedSteps(orders, async (some) => {
          const result = await writer.call('archiveOrders', some, file, continued(act, archived))
          archived += result.archived
          known += result.known
          changed.push(...result.changed)
        })
        return { archived, known, changed }
      },
      async restoreOrders(orders, source, act) {
        let [restored, known] = [0, 0]
        await inPacedSteps(orders, async (some) => {
          const result = await writer.call('restoreOrders', some, source, continued(act, restored))
          restored += result.restored
          known += result.known
        })
        return { restored, known }
      },
    },
    forgetting: {
      remains: [],
      held: (customerId) => writer.call('held', customerId),
      forget: (customerId, act) => writer.call('forget', customerId, act),
      forgetOrders: (orderIds) => writer.call('forgetOrders', orderIds),
      purge: () => writer.call('purge'),
    },
    retention: { remove: (part, bounds) => writer.call('removeOld', part, bounds) },
    maintenance: {
      beginRebuild: (step, act) => writer.call('beginRebuild', step, act),
      getRebuild: () => reader.call('getRebuild', Date.now()),
      projectOrders: (step, groupId, events) => writer.call('projectOrders', step, groupId, events),
      completeOrders: (step, limit) => writer.call('completeOrders', step, limit),
      swapOrders: (step) => writer.call('swapOrders', step),
      abandonRebuild: (owner, why, at) => writer.call('abandonRebuild', owner, why, at),
      async resetLedger(groupId, epoch, act) {
        while (!(await writer.call('resetLedger', groupId, epoch, act)).isDone);
      },
      recordAct: (action, target, act) => writer.call('recordAct', action, target, act),
      beginRepair: (lease, act) => writer.call('beginRepair', lease, act),
      endRepair: (groupId, owner) => writer.call('endRepair', groupId, owner),
      migrate: () => writer.call('migrate'),
      inspect: async () => {
        const checker = createStoreThread<Checker>({
          ...thread,
          name: 'store-checker',
          worker: workerUrl('check-worker'),
        })
        try {
          return await checker.call('inspect')
        } finally {
          await checker[Symbol.asyncDispose]()
        }
      },
    },
    [Symbol.asyncDispose]: dispose,
  }
}

function unlessNoRoom(error: unknown): unknown {
  if (error instanceof Error && isNoRoom(error.cause)) return error
  throw error
}

function* inSteps<T>(all: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < all.length; start += size) yield all.slice(start, start + size)
}

function warn(error: unknown): void {
  process.emitWarning(messageOf(error))
}

function workerUrl(name: string): URL {
  return new URL(`./threads/${name}.${IS_SOURCE ? 'ts' : 'js'}`, import.meta.url)
}
