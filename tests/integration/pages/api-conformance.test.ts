import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSchemaCheck, type FaultOf } from '../../support/api-schemas.ts'
import { PRODUCT_KEY, startProduct } from '../../support/product/product.ts'

interface Operation {
  operationId: string
  security: unknown[]
  responses: Record<string, { headers?: Record<string, unknown>; content?: Record<string, { schema: object }> }>
}
interface Document {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: object }
}

const ORDER = readFileSync('order.json', 'utf8')
const KEY = { 'x-functions-key': PRODUCT_KEY }
const JSON_BODY = { 'content-type': 'application/json' }
const METRICS_KEY = 'a-key-that-reads-metrics'
const READ_KEY = 'a-key-that-reads-everything'
const ISSUED_NEVER = '01990000-0000-7000-8000-000000000000'

let product: Awaited<ReturnType<typeof startProduct>>
let document: Document
let faultOf: FaultOf
/** The id of an order that is stored before the tests. */
let orderId: string

beforeAll(async () => {
  product = await startProduct({ METRICS_KEY, READ_KEY })
  document = (await (await fetch(`${product.url}/api/openapi.json`)).json()) as Document
  faultOf = createSchemaCheck(document.components)
  const headers = { ...JSON_BODY, prefer: 'wait=30' }
  const response = await fetch(`${product.url}/api/orders`, { method: 'POST', headers, body: ORDER })
  orderId = ((await response.json()) as { orderId: string }).orderId
})
afterAll(() => product[Symbol.asyncDispose]())

interface Asked {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
}

/** Sends a request, and returns how the answer differs from the document's description of `template`. */
async function ask(path: string, template: string, { method = 'GET', headers = {}, body }: Asked = {}) {
  const response = await fetch(product.url + path, { method, headers, ...(body !== undefined && { body }) })
  const text = await response.text()
  const documented = document.paths[template]?.[method.toLowerCase()]?.responses[String(response.status)]
  const type = response.headers.get('content-type')?.split(';')[0] ?? ''
  const schema = documented?.content?.[type]?.schema
  const faults: string[] = []
  if (documented === undefined) faults.push(`${response.status} is not documented`)
  else if (documented.content === undefined ? text !== '' : schema === undefined)
    faults.push(`${type} is not documented`)
  if (schema !== undefined && type.endsWith('json')) {
    const fault = faultOf(schema, JSON.parse(text))
    if (fault !== '') faults.push(fault)
  }
  return { status: response.status, headers: response.headers, text, faults }
}

describe('the product behaves as its OpenAPI document says', () => {
  const post = { method: 'POST', headers: JSON_BODY, body: ORDER }

  it.each([
    ['an order that is accepted', 202, '/api/orders', post],
    ['an order that is waited for', 201, '/api/orders', { ...post, headers: { ...JSON_BODY, prefer: 'wait=30' } }],
    ['an order by the original route, in its own spelling', 202, '/api/Order', post],
    ['a body that is not JSON', 400, '/api/orders', { ...post, body: '{' }],
    ['an order that is not valid', 400, '/api/orders', { ...post, body: '{}' }],
    ['a body of two megabytes', 413, '/api/orders', { ...post, body: JSON.stringify('x'.repeat(2 * 1024 * 1024)) }],
    ['a body that is not declared as JSON', 415, '/api/orders', { ...post, headers: { 'content-type': 'text/plain' } }],
    [
      'a bad Idempotency-Key',
      400,
      '/api/orders',
      { ...post, headers: { ...JSON_BODY, 'idempotency-key': '"a", "b"' } },
    ],
  ])('for %s: %d', async (_, status, path, asked) => {
    expect(await ask(path, path.toLowerCase(), asked)).toMatchObject({ status, faults: [] })
  })

  it.each([
    [200, METRICS_KEY, 'get', '/api/metrics', '/api/metrics'],
    [403, METRICS_KEY, 'get', '/api/dead-letters', '/api/dead-letters'],
    [200, READ_KEY, 'get', '/api/dead-letters', '/api/dead-letters'],
    [403, READ_KEY, 'post', '/api/dead-letters/a/discard', '/api/dead-letters/{id}/discard'],
  ])('%d for %s at %s %s', async (status, key, method, path, template) => {
    const headers = { 'x-functions-key': key }
    expect(await ask(path, template, { method: method.toUpperCase(), headers })).toMatchObject({ status, faults: [] })
  })

  it('for a key that is used for another order: 422', async () => {
    const headers = { ...JSON_BODY, 'idempotency-key': 'a-key-of-this-test' }
    expect(await ask('/api/orders', '/api/orders', { ...post, headers })).toMatchObject({ status: 202, faults: [] })
    const body = JSON.stringify({ ...(JSON.parse(ORDER) as object), totalPrice: 1 })
    expect(await ask('/api/orders', '/api/orders', { ...post, headers, body })).toMatchObject({
      status: 422,
      faults: [],
    })
  })

  it('for an order, its history, its ETag, and an id that was never issued', async () => {
    const first = await ask(`/api/orders/${orderId}`, '/api/orders/{orderId}')
    expect(first).toMatchObject({ status: 200, faults: [] })
    const headers = { 'if-none-match': first.headers.get('etag') ?? '' }
    expect(await ask(`/api/orders/${orderId}`, '/api/orders/{orderId}', { headers })).toMatchObject({
      status: 304,
      faults: [],
    })
    for (const [id, status] of [
      [orderId, 200],
      [ISSUED_NEVER, 404],
      ['x', 400],
    ] as const) {
      const history = await ask(`/api/orders/${id}/history`, '/api/orders/{orderId}/history')
      expect(history).toMatchObject({ status, faults: [] })
      expect(await ask(`/api/orders/${id}`, '/api/orders/{orderId}')).toMatchObject({ status, faults: [] })
    }
  })

  describe('for changes to an order', () => {
    const PATCH = { 'content-type': 'application/merge-patch+json' }
    const template = '/api/orders/{orderId}'
    const address = { method: 'PATCH', headers: PATCH, body: '{"shippingAddress":"7 Example Road"}' }
    const waiting = { prefer: 'wait=30' }

    async function placed(): Promise<string> {
      const order = await ask('/api/orders', '/api/orders', { ...post, headers: { ...JSON_BODY, ...waiting } })
      return (JSON.parse(order.text) as { orderId: string }).orderId
    }

    it.each([
      ['an address', 202, address],
      ['an unknown member', 400, { ...address, body: '{"shippingAdress":"7 Example Road"}' }],
      ['nothing', 400, { ...address, body: '{}' }],
      ['a body in another format', 415, { ...address, headers: JSON_BODY }],
      ['an If-Match that is not an ETag', 400, { ...address, headers: { ...PATCH, 'if-match': '7' } }],
      ['an ETag that the order never had', 412, { ...address, headers: { ...PATCH, 'if-match': '"7"' } }],
    ])('an amendment with %s: %d', async (_, status, asked) => {
      const answer = await ask(`/api/orders/${orderId}`, template, asked)
      expect(answer).toMatchObject({ status, faults: [] })
      expect(answer.headers.get('accept-patch')).toBe(status === 415 ? 'application/merge-patch+json' : null)
    })

    it('which never had such an order, or no such change: 404', async () => {
      expect(await ask(`/api/orders/${ISSUED_NEVER}`, template, address)).toMatchObject({ status: 404, faults: [] })
      for (const [path, documented] of [
        [`/api/orders/${ISSUED_NEVER}/changes`, `${template}/changes`],
        [`/api/orders/${orderId}/changes/${ISSUED_NEVER}`, `${template}/changes/{changeId}`],
      ] as const) {
        expect(await ask(path, documented)).toMatchObject({ status: 404, faults: [] })
      }
    })

    it('an order that is amended, then cancelled, then too late: 200, 200, 409; and every change is found', async () => {
      const id = await placed()
      const amended = await ask(`/api/orders/${id}`, template, { ...address, headers: { ...PATCH, ...waiting } })
      expect(amended).toMatchObject({ status: 200, faults: [] })
      expect(JSON.parse(amended.text)).toMatchObject({ version: 2, shippingAddress: '7 Example Road' })
      const cancel = { method: 'POST', headers: { ...JSON_BODY, ...waiting }, body: '{"reason":"Ordered twice."}' }
      const cancelled = await ask(`/api/orders/${id}/cancel`, `${template}/cancel`, cancel)
      expect(cancelled).toMatchObject({ status: 200, faults: [] })
      expect(JSON.parse(cancelled.text)).toMatchObject({ status: 'cancelled', version: 3 })
      expect(await ask(`/api/orders/${id}`, template, address)).toMatchObject({ status: 409, faults: [] })

      const list = await ask(`/api/orders/${id}/changes`, `${template}/changes`)
      expect(list).toMatchObject({ status: 200, faults: [] })
      const { items } = JSON.parse(list.text) as { items: { changeId: string; status: string; version: number }[] }
      expect(items.map(({ status, version }) => [status, version])).toEqual([
        ['applied', 2],
        ['applied', 3],
      ])
      for (const { changeId } of items) {
        const path = `/api/orders/${id}/changes/${changeId}`
        expect(await ask(path, `${template}/changes/{changeId}`)).toMatchObject({ status: 200, faults: [] })
      }
      for (const [path, documented] of [
        [`/api/orders/${id}`, template],
        [`/api/orders/${id}/history`, `${template}/history`],
        ['/api/orders?status=cancelled', '/api/orders'],
      ] as const) {
        const found = await ask(path, documented)
        expect(found).toMatchObject({ status: 200, faults: [] })
        expect(found.text).toContain('cancelled')
      }
    })
  })

  it.each([
    [200, '/api/orders?limit=1', '/api/orders'],
    [400, '/api/orders?limit=0', '/api/orders'],
    [400, '/api/orders?colour=red', '/api/orders'],
    [200, '/api/orders/search?q=alex', '/api/orders/search'],
    [400, '/api/orders/search', '/api/orders/search'],
    [200, '/api/ops/archive/orders?before=2020-01-01T00:00:00Z', '/api/ops/archive/orders'],
    [400, '/api/ops/archive/orders?before=2999-01-01T00:00:00Z', '/api/ops/archive/orders'],
    [200, '/api/Orders/customerSearch/exam', '/api/orders/customersearch/{text}'],
    [404, '/docs/nothing.css', '/docs/{asset}'],
    [404, '/api/dead-letters/orders:0:0', '/api/dead-letters/{id}'],
    [404, '/api/redrives/nothing', '/api/redrives/{id}'],
  ])('with %d for GET %s', async (status, path, template) => {
    expect(await ask(path, template, { headers: KEY })).toMatchObject({ status, faults: [] })
  })

  it('with 200 for every GET that needs nothing, and with 401 without the key where one is needed', async () => {
    const askedWith = ['/api/orders/search', '/api/ops/archive/orders']
    const plain = Object.entries(document.paths).filter(([path]) => !path.includes('{') && !askedWith.includes(path))
    const gets = plain.flatMap(([path, { get }]) =>
      get === undefined ? [] : [{ path, needsKey: get.security.length > 0 }],
    )
    expect(gets.length).toBeGreaterThan(12)
    for (const { path, needsKey } of gets) {
      const { status, faults } = await ask(path, path, { headers: KEY })
      expect({ path, status, faults }).toEqual({ path, status: 200, faults: [] })
      const without = await ask(path, path)
      expect({ path, status: without.status, faults: without.faults }).toEqual({
        path,
        status: needsKey ? 401 : 200,
        faults: [],
      })
    }
  })

  it('with HEAD for every GET: the same headers, and no body', async () => {
    for (const path of ['/', '/docs', '/api/openapi.json', '/api/orders', `/api/orders/${orderId}`]) {
      const [get, head] = [await fetch(product.url + path), await fetch(product.url + path, { method: 'HEAD' })]
      await get.text()
      const headersOf = ({ headers }: Response) => [headers.get('content-type'), headers.get('etag')]
      expect([path, head.status, ...headersOf(head)]).toEqual([path, get.status, ...headersOf(get)])
      expect(await head.text()).toBe('')
    }
  })

  it('with 405 and Allow for other methods, and a problem for unknown paths', async () => {
    const response = await fetch(`${product.url}/api/orders`, { method: 'DELETE' })
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST, GET, HEAD, OPTIONS'])
    const unknown = await fetch(`${product.url}/api/nothing`)
    expect([unknown.status, unknown.headers.get('content-type')]).toEqual([404, 'application/problem+json'])
    // A 405 whose Allow header lists the refused method would send a client round in circles.
    const misspelt = await fetch(`${product.url}//api/orders`)
    expect([misspelt.status, misspelt.headers.get('allow')]).toEqual([404, null])
    await Promise.all([response.text(), unknown.text(), misspelt.text()])
  })
})
