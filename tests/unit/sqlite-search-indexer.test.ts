import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Indexer } from '../../shared/adapters/sqlite/index-worker.ts'
import { createSearchIndexer, type SearchIndexer } from '../../shared/adapters/sqlite/search-indexer.ts'
import type { StoreThread } from '../../shared/adapters/sqlite/store-thread.ts'

const BLOCK = 1000

let stored: number
let inBlocks: number
let lacking: number
let failing: Error | undefined
let openThreads: number
let indexer: SearchIndexer
const onFailed = vi.fn<(error: unknown) => void>()

beforeEach(() => {
  vi.useFakeTimers()
  onFailed.mockReset()
  stored = 0
  inBlocks = 0
  lacking = 0
  failing = undefined
  openThreads = 0
  indexer = createSearchIndexer({
    blockOrders: BLOCK,
    ordersAfterBlocks: () => Promise.resolve(stored - inBlocks),
    isReindexDue: () => Promise.resolve(lacking > 0),
    openThread,
    onFailed,
  })
})
afterEach(() => vi.useRealTimers())

function openThread(): StoreThread<Indexer> {
  openThreads += 1
  const call = async (name: keyof Indexer, orders: number) => {
    if (name === 'reindex' && lacking === 0) return false
    await sleep(1)
    if (failing !== undefined) throw failing
    if (name === 'reindex') return (lacking = Math.max(0, lacking - orders)) > 0
    if (stored - inBlocks < BLOCK) return false
    inBlocks += BLOCK
    return true
  }
  return {
    call: call as unknown as StoreThread<Indexer>['call'],
    async [Symbol.asyncDispose]() {
      await sleep(1)
      openThreads -= 1
    },
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function store(batches: number, orders: number): Promise<void> {
  for (let batch = 0; batch < batches; batch += 1) {
    stored += orders
    indexer.note(orders)
    await vi.advanceTimersByTimeAsync(10)
  }
}

test('orders that come a few at a time get into a block when there are enough, and no thread stays', async () => {
  await store(99, 10)
  expect(inBlocks).toBe(0)
  await store(1, 10)
  expect(inBlocks).toBe(BLOCK)
  await store(150, 10)
  expect(inBlocks).toBe(2 * BLOCK)
  expect(openThreads).toBe(0)
})

test('a backlog is stored before its blocks are written', async () => {
  await store(10, 500)
  expect(inBlocks).toBe(0)
  await vi.advanceTimersByTimeAsync(900)
  expect(inBlocks).toBe(0)
  await vi.advanceTimersByTimeAsync(200)
  expect(inBlocks).toBe(5 * BLOCK)
})

test('a backlog without end does not leave searches without blocks', async () => {
  await store(31, 500)
  expect(inBlocks).toBe(0)
  await store(3, 500)
  expect(inBlocks).toBe(16 * BLOCK)
})

test('what an earlier process left is written at once', async () => {
  stored = 2500
  await indexer.look()
  await vi.advanceTimersByTimeAsync(10)
  expect(inBlocks).toBe(2 * BLOCK)
})

test('a failure is told and tried again after another block of orders, not with each batch', async () => {
  failing = new Error('The disk is full.')
  await store(150, 10)
  expect(onFailed.mock.calls).toEqual([[failing]])
  expect(openThreads).toBe(0)
  failing = undefined
  await store(50, 10)
  expect(inBlocks).toBe(2 * BLOCK)
})

test('closing waits for the block that is being written, and for no other', async () => {
  stored = 5000
  await indexer.look()
  let openWhenClosed: number | undefined
  const closing = indexer[Symbol.asyncDispose]().then(() => (openWhenClosed = openThreads))
  expect(openThreads).toBe(1)
  await vi.advanceTimersByTimeAsync(10)
  await closing
  expect(openWhenClosed).toBe(0)
  expect(inBlocks).toBe(BLOCK)
  expect(openThreads).toBe(0)
  indexer.note(BLOCK)
  expect(vi.getTimerCount()).toBe(0)
  await vi.advanceTimersByTimeAsync(2000)
  expect(inBlocks).toBe(BLOCK)
})

test('what is due while a thread closes is written too', async () => {
  stored = 1000
  await indexer.look()
  // The thread has said that there is no more, and is not closed yet.
  await vi.advanceTimersByTimeAsync(2)
  stored = 3000
  await indexer.look()
  await vi.advanceTimersByTimeAsync(20)
  expect(inBlocks).toBe(3 * BLOCK)
})

test('orders without words have their turn at once, though no block is due, and a minute after a failure', async () => {
  lacking = 700
  failing = new Error('The disk is full.')
  await indexer.look()
  await vi.advanceTimersByTimeAsync(10)
  expect(onFailed.mock.calls).toEqual([[failing]])
  await vi.advanceTimersByTimeAsync(60_000)
  expect(onFailed).toHaveBeenCalledTimes(2)
  failing = undefined
  await vi.advanceTimersByTimeAsync(60_010)
  expect([lacking, openThreads, vi.getTimerCount()]).toEqual([0, 0, 0])
  expect(onFailed).toHaveBeenCalledTimes(2)
})

test('nothing is tried again after closing', async () => {
  lacking = 700
  failing = new Error('The disk is full.')
  await indexer.look()
  await vi.advanceTimersByTimeAsync(10)
  expect(vi.getTimerCount()).toBe(1)
  await indexer[Symbol.asyncDispose]()
  expect(vi.getTimerCount()).toBe(0)
})

test('orders without words come before any block', async () => {
  stored = 1000
  lacking = 700
  await indexer.look()
  await vi.advanceTimersByTimeAsync(2)
  expect([lacking, inBlocks]).toEqual([188, 0])
  await vi.advanceTimersByTimeAsync(10)
  expect([lacking, inBlocks, openThreads]).toEqual([0, BLOCK, 0])
})
