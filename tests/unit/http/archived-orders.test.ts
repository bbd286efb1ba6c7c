import { HttpRequest, type HttpResponseInit } from '@azure/functions'
import { describe, expect, it, vi } from 'vitest'
import { ORIGINAL_BODY, testOrderIds } from '../../support/orders/orders.ts'

type Handle = (request: HttpRequest, all: object) => Promise<HttpResponseInit>
const handlers = vi.hoisted(() => new Map<string, Handle>())
vi.mock('../../../shared/triggers.ts', () => ({
  httpTrigger: (name: string, handle: Handle) => handlers.set(name, handle),
}))
await import('../../../functions/orders.ts')
await import('../../../functions/order-changes.ts')
await import('../../../functions/place-order.ts')

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

describe('an order that is restored between two reads of the store', () => {
  const at = '2026-01-01T00:00:00.000Z'
  /**
   * The first read finds nothing, because the order is still archived. When the tombstone is looked up, it is already
   * gone.
   */
  function restoredAfterFirst<T>(none: T, found: T): () => Promise<T> {
    let reads = 0
    return async () => {
      reads += 1
      return reads === 1 ? none : found
    }
  }
  const order = { orderId, status: 'stored', storedAt: at }
  const change = { orderId, changeId, kind: 'cancel', status: 'applied' }

  it.each([
    ['getOrder', order],
    ['getOrderChange', change],
    ['orderHistory', { items: [{ kind: 'stored' }] }],
  ])('is found by %s', async (name, found) => {
    const request = new HttpRequest({ method: 'GET', url: 'http://localhost/', params: { orderId, changeId } })
    const views = {
      archivedAt: async () => undefined,
      get: restoredAfterFirst(undefined, order),
      getChanges: restoredAfterFirst(new Map(), new Map([[changeId, change]])),
      history: restoredAfterFirst(undefined, [{ at, kind: 'stored' }]),
    }
    const answer = await handlers.get(name)?.(request, { orderIds: testOrderIds, views, whyUnseen: () => undefined })
    expect(answer?.status).toBe(200)
    expect(JSON.parse(answer?.body as string)).toMatchObject(found)
  })
})

it('listOrderChanges says so of an order that is archived after the first look', async () => {
  const request = new HttpRequest({ method: 'GET', url: 'http://localhost/', params: { orderId } })
  let looks = 0
  const views = {
    ...unknown,
    archivedAt: async () => ((looks += 1) === 1 ? undefined : '2026-01-01T00:00:00.000Z'),
    changes: async () => ({ items: [], nextCursor: null }),
  }
  const asked = handlers.get('listOrderChanges')?.(request, { orderIds: testOrderIds, views })
  await expect(asked).rejects.toMatchObject({ code: 'order-archived' })
})

it.each([
  ['placeOrder', ORIGINAL_BODY, 'application/json'],
  ['amendOrder', { totalPrice: 7 }, 'application/merge-patch+json'],
])('%s does not wait when it repeats a request whose order is archived', async (name, body, type) => {
  const request = new HttpRequest({
    method: 'POST',
    url: 'http://localhost/',
    params: { orderId },
    headers: { prefer: 'wait=30', 'content-type': type },
    body: { string: JSON.stringify(body) },
  })
  const wait = vi.fn(async () => undefined)
  const accepted = { orderId, changeId, acceptedAt: '2026-01-01T00:00:00.000Z', replayed: true }
  const answer = await handlers.get(name)?.(request, {
    placeOrder: async () => accepted,
    changeOrder: async () => accepted,
    waitForOrder: wait,
    waitForChange: wait,
    views: { archivedAt: async () => '2026-01-01T00:00:00.000Z' },
  })
  expect(answer).toMatchObject({ status: 202, headers: { 'idempotent-replayed': 'true' } })
  expect(wait).not.toHaveBeenCalled()
})
