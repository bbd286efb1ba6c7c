import { HttpRequest, type HttpResponseInit } from '@azure/functions'
import { describe, expect, it, vi } from 'vitest'
import { testOrderIds } from '../../support/orders/orders.ts'

type Handle = (request: HttpRequest, all: object) => Promise<HttpResponseInit>
const handlers = vi.hoisted(() => new Map<string, Handle>())
vi.mock('../../../shared/triggers.ts', () => ({
  httpTrigger: (name: string, handle: Handle) => handlers.set(name, handle),
}))
await import('../../../functions/orders.ts')
await import('../../../functions/order-changes.ts')

const orderId = testOrderIds.next(0)
const changeId = testOrderIds.nextChange(orderId, 0)
const unknown = { get: async () => undefined, getChanges: async () => new Map<string, never>() }

describe.each([
  ['getOrder', 'waitForOrder', { orderId }],
  ['getOrderChange', 'waitForChange', { orderId, changeId }],
])('%s with Prefer: wait', (name, waitFor, params) => {
  async function ask(archivedAt: () => Promise<string | undefined>, wait: () => Promise<undefined>) {
    const request = new HttpRequest({
      method: 'GET',
      url: 'http://localhost/',
      params,
      headers: { prefer: 'wait=30' },
    })
    const all = {
      orderIds: testOrderIds,
      views: { ...unknown, archivedAt },
      [waitFor]: wait,
      whyUnseen: () => undefined,
    }
    return handlers.get(name)?.(request, all)
  }

  it('does not wait for an archived order', async () => {
    const wait = vi.fn(async () => undefined)
    const asked = ask(async () => '2026-01-01T00:00:00.000Z', wait)
    await expect(asked).rejects.toMatchObject({ code: 'order-archived' })
    expect(wait).not.toHaveBeenCalled()
  })

  it('says so of an order that is archived meanwhile', async () => {
    let at: string | undefined
    const asked = ask(
      async () => at,
      async () => {
        at = '2026-01-01T00:00:00.000Z'
        return undefined
      },
    )
    await expect(asked).rejects.toMatchObject({ code: 'order-archived' })
  })
})
