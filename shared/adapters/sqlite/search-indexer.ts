import type { Indexer } from './index-worker.ts'
import type { StoreThread } from './store-thread.ts'

/**
 * Has blocks of orders written for searches as orders come, in a thread that lives no longer than that takes. While a
 * backlog is stored it waits: the processor is for the orders then. Orders of an earlier version, which lack words, have
 * their turn at once and before any block.
 */
export interface SearchIndexer extends AsyncDisposable {
  /** After a batch of so many orders was stored. */
  note(orders: number): void
  /** Asks the file what is to be done. Never rejects. */
  look(): Promise<void>
}

export interface SearchIndexerOptions {
  readonly blockOrders: number
  readonly ordersAfterBlocks: () => Promise<number>
  readonly isReindexDue: () => Promise<boolean>
  readonly openThread: () => StoreThread<Indexer>
  /** It looks again after a minute; another block's worth of orders may come before that. */
  readonly onFailed: (error: unknown) => void
}

/** A batch of so many is part of a backlog. */
const BACKLOG_ORDERS = 250
/** A backlog is over when no such batch came for so long. */
const QUIET_MS = 1000
/** When so many blocks are missing, it waits no longer: a backlog may last for days. */
const MAX_MISSING_BLOCKS = 16
/** Fewer, when they have many items: storing waits while they are written, some ten milliseconds. */
const REINDEXED_AT_ONCE = 256
/** A file that is busy or a full disk fails a step, and nothing else may ask for the next one. */
const RETRY_MS = 60_000

export function createSearchIndexer(options: SearchIndexerOptions): SearchIndexer {
  const { blockOrders, ordersAfterBlocks, isReindexDue, openThread, onFailed } = options
  const closing = new AbortController()
  let waiting = 0
  let running: Promise<void> | undefined
  let backlog: NodeJS.Timeout | undefined
  let retry: NodeJS.Timeout | undefined

  async function write(): Promise<void> {
    await using thread = openThread()
    while (!closing.signal.aborted && (await thread.call('reindex', REINDEXED_AT_ONCE)));
    while (!closing.signal.aborted && (await thread.call('writeBlock', blockOrders)));
  }

  async function run(): Promise<void> {
    waiting = 0
    try {
      await write()
      if (!closing.signal.aborted) waiting = await ordersAfterBlocks()
    } catch (error) {
      fail(error)
    } finally {
      running = undefined
    }
    // What came since it looked last.
    runIfDue()
  }

  function runIfDue(): void {
    const isDue = waiting >= (backlog === undefined ? 1 : MAX_MISSING_BLOCKS) * blockOrders
    if (isDue && !closing.signal.aborted) running ??= run()
  }

  function fail(error: unknown): void {
    onFailed(error)
    if (closing.signal.aborted) return
    clearTimeout(retry)
    retry = setTimeout(() => void look(), RETRY_MS).unref()
  }

  async function look(): Promise<void> {
    try {
      waiting = await ordersAfterBlocks()
      if ((await isReindexDue()) && !closing.signal.aborted) running ??= run()
      runIfDue()
    } catch (error) {
      fail(error)
    }
  }

  function endBacklog(): void {
    backlog = undefined
    runIfDue()
  }

  return {
    note(orders) {
      if (closing.signal.aborted) return
      waiting += orders
      if (orders >= BACKLOG_ORDERS) {
        clearTimeout(backlog)
        backlog = setTimeout(endBacklog, QUIET_MS)
      }
      runIfDue()
    },
    look,
    async [Symbol.asyncDispose]() {
      closing.abort()
      clearTimeout(backlog)
      clearTimeout(retry)
      await running
    },
  }
}
