import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { reindexInBackground } from '../../../../shared/adapters/sqlite/search/background-reindex.ts'

/** Vitest's fake timers do not cover node:timers/promises. */
vi.mock('node:timers/promises', () => ({
  setTimeout: (ms: number, _: undefined, { signal }: { readonly signal: AbortSignal }) =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, ms)
      signal.addEventListener('abort', () => {
        clearTimeout(timer)
        reject(new Error('aborted'))
      })
    }),
}))

const MINUTE_MS = 60_000

let lacking: number
let failing: Error | undefined
let closing: AbortController
let isOver: boolean
const onFailed = vi.fn<(error: unknown) => void>()

beforeEach(() => {
  vi.useFakeTimers()
  onFailed.mockReset()
  lacking = 700
  failing = undefined
  closing = new AbortController()
  isOver = false
})
afterEach(() => {
  closing.abort()
  vi.useRealTimers()
})

async function step(orders: number): Promise<boolean> {
  if (failing !== undefined) throw failing
  lacking = Math.max(0, lacking - orders)
  return Promise.resolve(lacking > 0)
}

function begin(): void {
  void reindexInBackground({ step, onFailed, signal: closing.signal }).then(() => (isOver = true))
}

test('all steps run, with time for storing between them', async () => {
  begin()
  await vi.advanceTimersByTimeAsync(5)
  expect(lacking).toBe(700 - 256)
  await vi.advanceTimersByTimeAsync(100)
  expect([lacking, isOver]).toEqual([0, true])
  expect(onFailed).not.toHaveBeenCalled()
})

test('a step that fails is reported and retried after a minute', async () => {
  failing = new Error('The disk is full.')
  begin()
  await vi.advanceTimersByTimeAsync(MINUTE_MS - 1)
  expect(onFailed.mock.calls).toEqual([[failing]])
  await vi.advanceTimersByTimeAsync(1)
  expect(onFailed).toHaveBeenCalledTimes(2)
  failing = undefined
  await vi.advanceTimersByTimeAsync(MINUTE_MS + 100)
  expect([lacking, isOver]).toEqual([0, true])
  expect(onFailed).toHaveBeenCalledTimes(2)
})

test('nothing starts after closing, neither a next step nor a retry', async () => {
  begin()
  await vi.advanceTimersByTimeAsync(5)
  closing.abort()
  await vi.advanceTimersByTimeAsync(0)
  expect([lacking, isOver, vi.getTimerCount()]).toEqual([700 - 256, true, 0])

  closing = new AbortController()
  failing = new Error('The disk is full.')
  isOver = false
  begin()
  await vi.advanceTimersByTimeAsync(5)
  closing.abort()
  await vi.advanceTimersByTimeAsync(0)
  expect([isOver, vi.getTimerCount()]).toEqual([true, 0])
  expect(onFailed).toHaveBeenCalledOnce()
})
