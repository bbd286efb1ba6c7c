import { afterEach, describe, expect, it, vi } from 'vitest'

// The module is JavaScript that the compiler checks against a browser's types, so its shape is declared again here.
interface Api {
  get(path: string): Promise<unknown>
  send(method: string, path: string, body?: unknown): Promise<unknown>
}
const { createApi } = (await import(
  String(new URL('../../../shared/pages/dashboard/client/page/api.js', import.meta.url))
)) as { createApi: (session: () => { key: string; operator: string }) => Api }

const api = createApi(() => ({ key: '', operator: '' }))

describe('a request of the dashboard', () => {
  afterEach(() => {
    vi.unstubAllGlobals()
    vi.restoreAllMocks()
  })

  it.each([
    ['GET', 15_000, 'No response came in time.'],
    ['POST', 60_000, 'No response came in time. The request may have been carried out all the same.'],
  ])('with %s waits for %i ms, and then says what that means', async (method, limitMs, message) => {
    const timeout = vi.spyOn(AbortSignal, 'timeout')
    vi.stubGlobal('fetch', () => Promise.reject(new DOMException('too late', 'TimeoutError')))
    await expect(api.send(method, '/api/ops/ledger/repair')).rejects.toThrow(new Error(message))
    expect(timeout).toHaveBeenCalledWith(limitMs)
  })
})
