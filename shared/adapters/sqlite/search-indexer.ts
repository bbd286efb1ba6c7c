import type { Indexer } from './index-worker.ts'
import type { StoreThread } from './store-thread.ts'

/**
 * Has blocks of orders written for searches as orders come, in a thread that lives no longer than that takes. While a
 * backlog is stored it waits: the processor is for the orders then.
 */
export interface SearchIndexer extends AsyncDisposable {
  /** After a batch of so many orders was stored. */
  note(orders: number): void
  /** Asks the file how many orders are waiting. Never rejects. */
  look(): Promise<void>
}

export interface SearchIndexerOptions {
  readonly blockOrders: number
  readonly ordersAfterBlocks: () => Promise<number>
  readonly openThread: () => StoreThread<Indexer>
  /** Tried again after another block's worth of orders. */
  readonly onFailed: (error: unknown) => void
}

/** A batch of so many is part of a backlog. */
const BACKLOG_ORDERS = 250
/** A backlog is over when no such batch came for so long. */
const QUIET_MS = 1000
/** When so many blocks are missing, it waits no longer: a backlog may last for days. */
const MAX_MISSING_BLOCKS = 16

export function createSearchIndexer(options: SearchIndexerOptions): SearchIndexer {
  const { blockOrders, ordersAfterBlocks, openThread, onFailed } = options
  const closing = new AbortController()
  let waiting = 0
  let running: Promise<void> | undefined
  let backlog: NodeJS.Timeout | undefined

  async function writeBlocks(): Promise<void> {
    await using thread = openThread()
    while (!closing.signal.aborted && (await thread.call('writeBlock', blockOrders)));
  }

  async function run(): Promise<void> {
    waiting = 0
    try {
      await writeBlocks()
      if (!closing.signal.aborted) waiting = await ordersAfterBlocks()
    } catch (error) {
      onFailed(error)
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
    async look() {
      try {
        waiting = await ordersAfterBlocks()
        runIfDue()
      } catch (error) {
        onFailed(error)
      }
    },
    async [Symbol.asyncDispose]() {
      closing.abort()
      clearTimeout(backlog)
      await running
    },
  }
}
