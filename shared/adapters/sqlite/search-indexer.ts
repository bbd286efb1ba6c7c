import type { Indexer } from './index-worker.ts'
import type { StoreThread } from './store-thread.ts'

/** Has blocks of searchable orders written as orders come, in a thread that lives no longer than that takes. */
export interface SearchIndexer extends AsyncDisposable {
  /** After so many orders more. */
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

export function createSearchIndexer(options: SearchIndexerOptions): SearchIndexer {
  const { blockOrders, ordersAfterBlocks, openThread, onFailed } = options
  let waiting = 0
  let running: Promise<void> | undefined
  const closing = new AbortController()

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
  }

  function note(orders: number): void {
    waiting += orders
    if (waiting >= blockOrders && !closing.signal.aborted) running ??= run()
  }

  return {
    note,
    async look() {
      try {
        waiting = 0
        note(await ordersAfterBlocks())
      } catch (error) {
        onFailed(error)
      }
    },
    async [Symbol.asyncDispose]() {
      closing.abort()
      await running
    },
  }
}
