import { HttpRequest, InvocationContext, type HttpRequestInit } from '@azure/functions'
import { describe, expect, it } from 'vitest'
import type { ChangeView } from '../../../shared/domain/changes/change-view.ts'
import { OrderError } from '../../../shared/domain/errors.ts'
import type { OrderChange } from '../../../shared/domain/changes/order-changes.ts'
import type { OrderView } from '../../../shared/domain/order-view.ts'
import { readAmendment, readCancellation } from '../../../shared/http/change-bodies.ts'
import { amendOrder, cancelOrder, unseenChange } from '../../../shared/http/changes.ts'
import { revalidated } from '../../../shared/http/protocol/answer.ts'
import { endpoint } from '../../../shared/http/protocol/endpoint.ts'
import { expectedVersionOf } from '../../../shared/http/protocol/if-match.ts'
import { storeIsAway } from '../../support/fakes.ts'
import { testOrderIds } from '../../support/orders/orders.ts'

const AT = '2026-01-01T00:00:00.000Z'
const ORDER = testOrderIds.next(Date.parse(AT))
const CHANGE = testOrderIds.nextChange(ORDER, Date.parse(AT))
const MERGE_PATCH = 'application/merge-patch+json'

function request(init: Partial<HttpRequestInit> = {}): HttpRequest {
  return new HttpRequest({
    method: 'PATCH',
    url: `http://localhost/api/orders/${ORDER}`,
    params: { orderId: ORDER },
    ...init,
  })
}

const patch = (body: unknown, headers: Record<string, string> = {}) =>
  request({ body: { string: JSON.stringify(body) }, headers: { 'content-type': MERGE_PATCH, ...headers } })

interface Given {
  readonly view?: Partial<ChangeView>
  readonly order?: OrderView
  readonly replayed?: true
}

function use({ view, order, replayed }: Given = {}) {
  const changes: OrderChange[] = []
  return {
    changes,
    changeOrder: async (_: string, change: OrderChange) => {
      changes.push(change)
      return { changeId: CHANGE, acceptedAt: AT, ...(replayed && { replayed }) }
    },
    waitForChange: async () => view && ({ orderId: ORDER, changeId: CHANGE, kind: 'amend', ...view } as ChangeView),
    views: {
      archivedAt: async () => undefined,
      get: async () => {
        if (order === undefined) throw storeIsAway()
        return order
      },
    },
  }
}

describe('a change over HTTP', () => {
  it('is answered with 202 and where it stands as soon as it is accepted', async () => {
    const { changes, ...given } = use()
    const { status, headers, body } = await amendOrder(patch({ totalPrice: 7 }), { ...given })
    expect(status).toBe(202)
    expect(headers).toMatchObject({ location: `/api/orders/${ORDER}/changes/${CHANGE}`, 'retry-after': '1' })
    expect(JSON.parse(body as string)).toEqual({
      orderId: ORDER,
      changeId: CHANGE,
      kind: 'amend',
      status: 'accepted',
      acceptedAt: AT,
    })
    expect(changes).toEqual([{ kind: 'amend', amendment: { totalPrice: 7 } }])
  })

  it('says when another request brought it first', async () => {
    const { headers } = await amendOrder(patch({ totalPrice: 7 }), use({ replayed: true }))
    expect(headers).toMatchObject({ 'idempotent-replayed': 'true' })
  })

  const waiting = { prefer: 'wait=5' }

  it('that takes effect in time is answered with the order, under the ETag that a GET gives it', async () => {
    const order: OrderView = { orderId: ORDER, status: 'stored', version: 2 }
    const { status, headers, body } = await amendOrder(
      patch({ totalPrice: 7 }, waiting),
      use({ view: { status: 'applied', version: 2 }, order }),
    )
    expect([status, JSON.parse(body as string)]).toEqual([200, order])
    const got = revalidated(request({ method: 'GET' }), order, {}, 2)
    expect(headers).toMatchObject({ etag: (got.headers as Record<string, string>)['etag'] })
    expect(headers).toMatchObject({ etag: expect.stringMatching(/^"2-/) as string, 'preference-applied': 'wait=5' })
  })

  it('that takes effect in time is reported as applied when the store cannot be asked for the order then', async () => {
    const { status, body } = await amendOrder(patch({ totalPrice: 7 }, waiting), use({ view: { status: 'applied' } }))
    expect([status, JSON.parse(body as string)]).toMatchObject([202, { status: 'applied' }])
  })

  it.each([
    ['version-conflict', 409],
    ['order-cancelled', 409],
    ['order-discarded', 409],
    ['earlier-change-discarded', 409],
    ['overtaken', 409],
    ['constraint-violated', 409],
    ['idempotency-key-reused', 422],
  ])('that is rejected in time is a problem of the type %s, which names the change', async (code, expected) => {
    const cause = { code, detail: 'As the store says.' }
    const handler = endpoint((asked) => amendOrder(asked, use({ view: { status: 'rejected', cause } })), NOBODY)
    const { status, body } = await handler(patch({ totalPrice: 7 }, waiting), new InvocationContext())
    expect([status, JSON.parse(body as string)]).toMatchObject([
      expected,
      { type: `/docs/errors#${code}`, detail: 'As the store says.', changeId: CHANGE },
    ])
  })

  it.each([
    ['waiting', true],
    ['dead-lettered', false],
    ['discarded', false],
  ] as const)(
    'that is %s when the time is up is answered with 202 and that status; worth asking again: %j',
    async (is, again) => {
      const asked = patch({ totalPrice: 7 }, waiting)
      const { status, headers, body } = await amendOrder(asked, use({ view: { status: is } }))
      expect([status, JSON.parse(body as string)]).toMatchObject([202, { status: is, changeId: CHANGE }])
      expect(new Headers(headers as Record<string, string>).get('retry-after')).toBe(again ? '1' : null)
    },
  )

  it('is a cancellation with a reason, or without a body', async () => {
    const headers = { 'content-type': 'application/json' }
    const given = use()
    await cancelOrder(request({ method: 'POST' }), given)
    await cancelOrder(request({ method: 'POST', body: { string: '{"reason":"cheaper"}' }, headers }), given)
    expect(given.changes).toEqual([{ kind: 'cancel' }, { kind: 'cancel', reason: 'cheaper' }])
  })

  it('holds for the version in If-Match', async () => {
    const given = use()
    await amendOrder(patch({ totalPrice: 7 }, { 'if-match': '"3-abc"' }), given)
    await cancelOrder(request({ method: 'POST', headers: { 'if-match': '*' } }), given)
    expect(given.changes).toEqual([
      { kind: 'amend', amendment: { totalPrice: 7 }, expectedVersion: 3 },
      { kind: 'cancel' },
    ])
  })

  it('as a PATCH with the wrong content type is 415, and Accept-Patch names the right one', async () => {
    const handler = endpoint((asked) => amendOrder(asked, use()), NOBODY)
    for (const type of ['application/json', 'application/json-patch+json', `${MERGE_PATCH}; charset=latin1`]) {
      const asked = patch({ totalPrice: 7 }, { 'content-type': type })
      const { status, headers } = await handler(asked, new InvocationContext())
      expect([status, headers]).toMatchObject([415, { 'accept-patch': MERGE_PATCH }])
    }
    const withCharset = patch({ totalPrice: 7 }, { 'content-type': `${MERGE_PATCH}; charset=utf-8` })
    expect(await handler(withCharset, new InvocationContext())).toMatchObject({ status: 202 })
  })
})

const NOBODY = { fault: async () => undefined, refusal: async () => undefined }

describe('the body of a change', () => {
  const faults = (read: () => unknown) => {
    try {
      read()
    } catch (error) {
      if (error instanceof OrderError && error.code === 'invalid-change') return error.violations
      throw error
    }
    return undefined
  }

  const UNKNOWN =
    'is not known here: a change may have customerName, customerLastName, customerEmail, shippingAddress, ' +
    'billingAddress, totalPrice, paymentMethodType, orderItems'

  it('replaces what it names, with numbers as names', () => {
    const amendment = readAmendment({ totalPrice: 7, paymentMethodType: 2, customerEmail: '' })
    expect(amendment).toEqual({ totalPrice: 7, paymentMethodType: 'Invoice', customerEmail: '' })
  })

  it.each<[unknown, string, string]>([
    [{}, '', 'must have at least one member'],
    [[], '', 'must be an object'],
    [null, '', 'must be an object'],
    ['text', '', 'must be an object'],
    [{ totalPrise: 7 }, '/totalPrise', UNKNOWN],
    [{ customerId: 7 }, '/customerId', 'cannot be changed after the order is placed'],
    [{ currencyType: 'EUR' }, '/currencyType', 'cannot be changed after the order is placed'],
    [{ metadata: {} }, '/metadata', 'cannot be changed after the order is placed'],
    [{ 'a/b~c': 7 }, '/a~1b~0c', UNKNOWN],
    [JSON.parse('{"__proto__":1,"totalPrice":7}'), '/__proto__', UNKNOWN],
    [{ customerName: null }, '/customerName', 'cannot be removed, because every order has it'],
    [{ orderItems: null }, '/orderItems', 'cannot be removed, because every order has it'],
    [{ orderItems: [] }, '/orderItems', 'must have at least one item'],
    [{ customerName: ' ' }, '/customerName', 'must not be only spaces'],
    [{ customerEmail: 'none' }, '/customerEmail', 'must be an address with an @, or empty'],
  ])('%j is refused, and the fault is pointed at', (body, pointer, detail) => {
    expect(faults(() => readAmendment(body))).toContainEqual({ pointer, detail })
  })

  it('with several unknown members has each of them named, those of its items too', () => {
    const item = { itemCode: 'A', brand: 'B', type: 'C', size: '', colour: '', quantity: 1, price: 1, currencyType: 1 }
    const body = { a: 1, b: 2, totalPrice: 7, orderItems: [item, { ...item, gift: true }] }
    expect(faults(() => readAmendment(body))?.map(({ pointer }) => pointer)).toEqual(['/a', '/b', '/orderItems/1/gift'])
    expect(faults(() => readAmendment(body))?.[2]?.detail).toMatch(/^is not known here: an item may have itemCode, /)
  })

  it('that cancels, with an unknown member, is refused with the members that it may have', () => {
    const detail = 'is not known here: a cancellation may have reason'
    expect(faults(() => readCancellation({ because: 'x' }))).toEqual([{ pointer: '/because', detail }])
  })

  it('with thousands of unknown members has twenty of them named', () => {
    const body = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`m${index}`, 1]))
    expect(faults(() => readAmendment(body))).toHaveLength(20)
  })

  it.each<[unknown, string]>([
    [{ because: 'x' }, '/because'],
    [{ reason: '' }, '/reason'],
    [{ reason: ' ' }, '/reason'],
    [{ reason: null }, '/reason'],
    [{ reason: 'x'.repeat(201) }, '/reason'],
    [[], ''],
  ])('that cancels, %j, is refused, and the fault is pointed at', (body, pointer) => {
    expect(faults(() => readCancellation(body))?.map((one) => one.pointer)).toEqual([pointer])
  })
})

describe('If-Match', () => {
  const read = (value?: string) =>
    expectedVersionOf(request(value === undefined ? {} : { headers: { 'if-match': value } }))

  it.each([
    ['"1-abc"', 1],
    ['"12-jQPxLDULH0dwVbGpsRPmvh"', 12],
    ['W/"2-abc"', 2],
    [' "3-x" ', 3],
    ['*', undefined],
    [undefined, undefined],
  ])('%j asks for version %j', (value, version) => {
    expect(read(value)).toBe(version)
  })

  it.each(['1', '1-abc', '""x', '"1-a", "2-b"', 'w/"1-a"', '"1-a', ''])('%j is malformed', (value) => {
    expect(() => read(value)).toThrow(
      expect.objectContaining({
        code: 'invalid-request',
        violations: [{ pointer: 'If-Match', detail: expect.any(String) as string }],
      }),
    )
  })

  it.each(['"abc"', '""', '"0-abc"', '"-1-abc"', '"1e3-abc"', `"${'9'.repeat(20)}-abc"`])(
    '%j is the ETag of no version',
    (value) => {
      expect(read(value)).toBe(0)
    },
  )
})

describe('a change that the store has not seen yet', () => {
  it('is accepted, with its time, for every id that was issued for its order', () => {
    expect(unseenChange(ORDER, CHANGE, testOrderIds)).toMatchObject({ changeId: CHANGE, status: 'accepted' })
    const derived = testOrderIds.deriveChange(ORDER, 'key', '{}')
    expect(unseenChange(ORDER, derived, testOrderIds)).toEqual({
      orderId: ORDER,
      changeId: derived,
      status: 'accepted',
    })
  })

  it('is not found under any other id', () => {
    const other = testOrderIds.next(Date.parse(AT))
    for (const [orderId, changeId] of [
      [other, CHANGE],
      [ORDER, other],
    ] as const) {
      expect(() => unseenChange(orderId, changeId, testOrderIds)).toThrow(
        expect.objectContaining({ code: 'change-not-found' }),
      )
    }
  })
})
