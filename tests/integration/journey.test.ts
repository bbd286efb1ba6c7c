import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { withProduct, type Product } from '../support/product/product.ts'

const ORDER = readFileSync(join(import.meta.dirname, '../../order.json'), 'utf8')
const CHANGED = JSON.stringify({ ...(JSON.parse(ORDER) as object), totalPrice: 1 })
const NEVER_ISSUED = '01990000-0000-7000-8000-000000000000'

test('A posted order appears in every view', async () => {
  await withProduct({}, async (product) => {
    const { status, headers, body } = await product.ask('/api/orders', { method: 'POST', body: ORDER })
    expect([status, body['status']]).toEqual([202, 'accepted'])
    const location = headers.get('location') ?? ''
    expect(location).toBe(`/api/orders/${String(body['orderId'])}`)

    const stored = await product.ask(location, { headers: { prefer: 'wait=30' } })
    expect(stored.status).toBe(200)
    expect(stored.body).toMatchObject({
      orderId: body['orderId'],
      status: 'stored',
      acceptedAt: body['acceptedAt'],
      customerName: 'Alex',
      customerFullName: 'Alex Example',
      currencyType: 'EUR',
      totalPrice: 187.35,
      paymentMethodType: 'CreditCard',
      orderItems: expect.arrayContaining([
        expect.objectContaining({ quantity: 1, longDescription: expect.any(String) }),
      ]),
    })

    for (const path of ['/api/orders', '/api/orders/search?q=alex', '/api/orders/search?q=MERI']) {
      expect((await product.ask(path)).body, path).toMatchObject({ items: [stored.body], nextCursor: null })
    }
    expect((await product.ask('/api/orders/search?q=nobody')).body).toMatchObject({ items: [] })
    const history = (await product.ask(`${location}/history`)).body['items']
    expect(history).toMatchObject([{ kind: 'accepted', at: body['acceptedAt'] }, { kind: 'stored' }])

    await expectConditionalReading(product, location, stored.text)
    await expectOriginalRoutes(product, stored.body)
  })
})

async function expectConditionalReading(product: Product, location: string, text: string): Promise<void> {
  const first = await product.ask(location)
  expect(first.text).toBe(text)
  const etag = first.headers.get('etag') ?? ''
  const again = await product.ask(location, { headers: { 'if-none-match': etag } })
  expect([again.status, again.text, again.headers.get('etag')]).toEqual([304, '', etag])
  const head = await product.ask(location, { method: 'HEAD' })
  expect([head.status, head.text, head.headers.get('etag')]).toEqual([200, '', etag])
}

async function expectOriginalRoutes(product: Product, order: Record<string, unknown>): Promise<void> {
  expect((await product.ask(`/api/Orders/${String(order['orderId'])}`)).body).toEqual(order)
  expect((await product.ask('/api/Orders')).body).toMatchObject({ items: [order] })
  expect((await product.ask('/api/Orders/customerSearch/Exam')).body).toMatchObject({ items: [order] })
  const placed = await product.ask('/api/Order', { method: 'POST', body: ORDER, headers: { prefer: 'wait=30' } })
  expect([placed.status, placed.body['status']]).toEqual([201, 'stored'])
}

test('An order keeps its caller’s reference and metadata, and is found by its reference', async () => {
  await withProduct({}, async (product) => {
    const own = { reference: 'WEB-10482', metadata: { channel: 'web', 'campaign.id': 'spring' } }
    const body = JSON.stringify({ ...(JSON.parse(ORDER) as object), ...own })
    const headers = { prefer: 'wait=30' }
    const placed = await product.ask('/api/orders', { method: 'POST', body, headers })
    expect([placed.status, placed.body]).toMatchObject([201, own])
    await product.ask('/api/orders', { method: 'POST', body: ORDER, headers })
    expect((await product.ask(`/api/orders/${String(placed.body['orderId'])}`)).body).toMatchObject(own)
    for (const query of ['?reference=WEB-10482', '/search?q=web-10482', '?reference=WEB-10482&q=alex']) {
      expect((await product.ask(`/api/orders${query}`)).body, query).toMatchObject({
        items: [placed.body],
        nextCursor: null,
      })
    }
    expect((await product.ask('/api/orders?reference=web-10482')).body).toEqual({ items: [], nextCursor: null })
  })
})

test('A caller may wait for the order to be stored', async () => {
  await withProduct({}, async (product) => {
    const headers = { prefer: 'wait=30' }
    const {
      status,
      headers: answered,
      body,
    } = await product.ask('/api/orders', { method: 'POST', body: ORDER, headers })
    expect([status, body['status'], answered.get('preference-applied')]).toEqual([201, 'stored', 'wait=30'])
    expect(answered.get('location')).toBe(`/api/orders/${String(body['orderId'])}`)
  })
})

test('Repeats of a request with an Idempotency-Key create one order, even after a kill; a different body is refused', async () => {
  await withProduct({}, async (product) => {
    const place = (key: string, body = ORDER) =>
      product.ask('/api/orders', { method: 'POST', body, headers: { 'idempotency-key': key } })
    const answers = await Promise.all([place('a-key'), place('"a-key"'), place('a-key')])
    answers.push(await place('a-key'))
    await product.settled()
    // The restarted process remembers no keys, but the store knows this one.
    await product.kill()
    await product.start()
    answers.push(await place('a-key'))
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202, 202])
    expect(new Set(answers.map(({ body }) => body['orderId'])).size).toBe(1)

    const refused = await place('a-key', CHANGED)
    expect([refused.status, refused.body['type']]).toEqual([422, '/docs/errors#idempotency-key-reused'])
    const atOnce = await Promise.all(
      Array.from({ length: 20 }, (_, index) => place('a-third-key', index % 2 === 0 ? ORDER : CHANGED)),
    )
    expect(new Set(atOnce.flatMap(({ body }) => body['orderId'] ?? [])).size).toBe(1)
    const answered = (wanted: number) => atOnce.filter(({ status }) => status === wanted)
    expect([answered(202).length, answered(422).length]).toEqual([10, 10])
    expect(atOnce.filter(({ headers }) => headers.get('idempotent-replayed') === 'true')).toHaveLength(9)
    const third = atOnce.find(({ status }) => status === 202)
    await product.settled()

    const other = await place('another-key', CHANGED)
    expect(other.status).toBe(202)
    await product.settled()
    const { items } = (await product.ask('/api/orders')).body as { items: { orderId: unknown; totalPrice: number }[] }
    expect(items.map(({ orderId, totalPrice }) => [orderId, totalPrice])).toEqual([
      [other.body['orderId'], 1],
      [third?.body['orderId'], expect.any(Number)],
      [answers[0]?.body['orderId'], 187.35],
    ])
  })
})

test('A caller who asks for something unknown or forbidden gets a problem document', async () => {
  await withProduct({}, async (product) => {
    const waiting = await product.ask('/api/orders?status=accepted')
    expect([waiting.status, waiting.body['errors']]).toMatchObject([400, [{ pointer: 'status' }]])
    const unknown = { ...(JSON.parse(ORDER) as object), externalOrderId: 'A-1' }
    const placed = await product.ask('/api/orders', { method: 'POST', body: JSON.stringify(unknown) })
    expect([placed.status, placed.body['ignored']]).toEqual([202, ['/externalOrderId']])
    const blank = { ...unknown, customerName: ' ', customerEmail: 'alex' }
    const refused = await product.ask('/api/orders', { method: 'POST', body: JSON.stringify(blank) })
    const errors = [{ pointer: '/customerName' }, { pointer: '/customerEmail' }]
    expect([refused.status, refused.body['errors']]).toMatchObject([400, errors])
    for (const path of [`/api/orders/${NEVER_ISSUED}`, `/api/orders/${NEVER_ISSUED}/history`]) {
      expect([path, (await product.ask(path)).status]).toEqual([path, 404])
    }
    expect((await product.ask('/api/orders/no-id')).status).toBe(400)
    const allow = 'POST, GET, HEAD, OPTIONS'
    for (const [method, status] of [
      ['OPTIONS', 204],
      ['DELETE', 405],
    ] as const) {
      const answer = await product.ask('/api/orders', { method })
      expect([method, answer.status, answer.headers.get('allow')]).toEqual([method, status, allow])
    }
    for (const [method, path] of [
      ['GET', '/api/dead-letters'],
      ['GET', '/api/ops/ledger'],
      ['POST', '/api/ops/ledger/repair'],
      ['POST', '/api/dead-letters/redrive'],
    ] as const) {
      const { status, body } = await product.ask(path, { method, headers: { 'x-functions-key': 'a guess' } })
      expect([path, status, body['type']]).toEqual([path, 401, '/docs/errors#unauthorized'])
    }
  })
})
