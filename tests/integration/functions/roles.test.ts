import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, request, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { freePort } from '../../support/free-port.ts'
import { skipsGateway, startGateway } from '../../support/functions/gateway.ts'
import { skipsKafka, startTestBroker } from '../../support/kafka/kafka-broker.ts'
import { ORIGINAL_BODY } from '../../support/orders/orders.ts'
import { PRODUCT_KEY, startProduct, type Product } from '../../support/product/product.ts'

const LISTS = join(import.meta.dirname, '..', '..', '..', 'infra', 'kubernetes', 'base')
const [API, PROCESSOR, QUERY] = ['127.0.0.2', '127.0.0.3', '127.0.0.4'] as const
const ORDER = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(ORIGINAL_BODY) }
const WITH_KEY = { headers: { 'x-functions-key': PRODUCT_KEY } }

/** The settings of a role's container, most of which disable functions. */
function listOf(role: string): Record<string, string> {
  const lines = readFileSync(join(LISTS, `${role}.env`), 'utf8').matchAll(/^(\w+)=(.*)$/gm)
  return Object.fromEntries([...lines].map(([, name = '', value = '']) => [name, value]))
}

describe.skipIf(skipsKafka || skipsGateway)('the roles, one Kafka, and the gateway in front of them', () => {
  const open = new AsyncDisposableStack()
  let api: Product & AsyncDisposable
  let processor: Product & AsyncDisposable
  let query: Product & AsyncDisposable
  let url: string

  beforeAll(async () => {
    const broker = open.use(await startTestBroker())
    const port = await freePort()
    const settings = {
      PORT: String(port),
      KAFKA_BROKERS: broker.address,
      ORDERS_PARTITIONS: '2',
      ORDER_ID_SECRET: 'one-secret-of-all-the-roles',
    }
    api = open.use(await startProduct({ ...settings, ...listOf('order-api'), HOST: API }))
    processor = open.use(await startProduct({ ...settings, ...listOf('order-processor'), HOST: PROCESSOR }))
    // Only one process can own a SQLite store, so the query role fills its own store and reads the log in its own
    // consumer group.
    const reading = Object.entries(listOf('order-query')).filter(([name]) => !name.startsWith('AzureWebJobs_consume'))
    const group = { ORDERS_CONSUMER_GROUP: 'beside-the-queries' }
    query = open.use(await startProduct({ ...settings, ...Object.fromEntries(reading), ...group, HOST: QUERY }))
    url = open.use(await startGateway({ api: API, query: QUERY, port })).url
  })
  afterAll(() => open[Symbol.asyncDispose]())

  test('an order is accepted by one role, and its Location is answered by another', async () => {
    const placed = await fetch(`${url}/api/orders`, ORDER)
    expect(placed.status).toBe(202)
    const location = placed.headers.get('location') ?? ''
    expect((await fetch(api.url + location)).status).toBe(405)
    const order = await fetch(url + location, { headers: { prefer: 'wait=30' } })
    expect(order.status).toBe(200)
    expect(await order.json()).toMatchObject({ status: 'stored', customerEmail: ORIGINAL_BODY.customerEmail })
  })

  test.each(['/api/Order', '/API/ORDERS', '/api/orders/', '/api/orders?source=shop'])(
    'POST %s reaches the role that accepts it',
    async (path) => {
      expect((await fetch(url + path, ORDER)).status).toBe(202)
    },
  )

  test('each role refuses requests that another one serves', async () => {
    const refused = await fetch(`${query.url}/api/orders`, ORDER)
    expect(refused.status).toBe(405)
    expect(refused.headers.get('allow')).toBe('GET, HEAD, OPTIONS')
    expect((await fetch(`${api.url}/api/ops/ledger`, WITH_KEY)).status).toBe(404)
    for (const path of ['/api/orders', '/dashboard', '/docs']) {
      expect((await fetch(processor.url + path)).status, path).toBe(404)
    }
  })

  test('each role’s readiness depends on what it needs', async () => {
    const required = async ({ url }: Product & AsyncDisposable) => {
      const { checks } = (await (await fetch(`${url}/api/health/ready`)).json()) as {
        checks: Record<'log' | 'store', { required: boolean }>
      }
      return [checks.log.required, checks.store.required]
    }
    expect(await Promise.all([api, processor, query].map(required))).toEqual([
      [true, false],
      [false, false],
      [false, true],
    ])
  })

  test('doctor reports what its role serves', async () => {
    const { checks } = (await (await fetch(`${query.url}/api/ops/doctor`, WITH_KEY)).json()) as {
      checks: { name: string; detail: string }[]
    }
    expect(checks.find(({ name }) => name === 'role')?.detail).toMatch(/Switched off here: placing orders/)
  })

  test('the processor stores what the other role accepted, and answers only probes and scrapes', async () => {
    expect((await fetch(`${url}/api/orders`, ORDER)).status).toBe(202)
    await vi.waitFor(
      async () => {
        const metrics = await (await fetch(`${processor.url}/api/metrics`, WITH_KEY)).text()
        expect(Number(/^orders_stored_total\{[^}]*\} (\d+)/m.exec(metrics)?.[1])).toBeGreaterThan(0)
      },
      { timeout: 30_000, interval: 200 },
    )
    expect((await fetch(`${processor.url}/api/health/live`)).status).toBe(200)
  })

  test('pages and operations come from the role that serves them', async () => {
    for (const path of ['/', '/docs', '/dashboard', '/api/openapi.json', '/api/health/ready', '/api/orders']) {
      expect((await fetch(url + path)).status, path).toBe(200)
    }
    expect((await fetch(`${url}/api/ops/ledger`)).status).toBe(401)
    expect((await fetch(`${url}/api/ops/ledger`, WITH_KEY)).status).toBe(200)
  })
})

describe.skipIf(skipsGateway)('the gateway', () => {
  /** Answers with its own address, or with 404. Resolves with a list of the requests that it receives. */
  async function startBackend(address: string, port: number, behaviour: 'answer' | 'not found' = 'answer') {
    const requests: { method: string; url: string; headers: IncomingHttpHeaders; body: string }[] = []
    const serve = async (incoming: IncomingMessage, answer: ServerResponse) => {
      const { method = '', url = '', headers } = incoming
      requests.push({ method, url, headers, body: await text(incoming) })
      if (behaviour === 'not found') answer.writeHead(404, { 'content-length': '0' }).end()
      else answer.writeHead(200, { server: 'backend' }).end(address)
    }
    // If the gateway aborts a request, the response to it is destroyed here too.
    const server = createServer((incoming, answer) => void serve(incoming, answer).catch(() => answer.destroy()))
    server.listen(port, address)
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    return requests
  }

  async function start(behaviour?: 'not found') {
    const port = await freePort()
    const toApi = await startBackend(API, port, behaviour)
    const toQuery = await startBackend(QUERY, port)
    const gateway = await startGateway({ api: API, query: QUERY, port })
    onTestFinished(() => gateway[Symbol.asyncDispose]())
    return { url: gateway.url, toApi, toQuery }
  }

  test('adds a length to a chunked body, which the runtime would otherwise drop', async () => {
    const { url, toApi } = await start()
    const sent = request(`${url}/api/orders`, { method: 'POST', headers: { 'transfer-encoding': 'chunked' } })
    sent.write('{"in":')
    sent.end('"pieces"}')
    await once(sent, 'response')
    expect(toApi[0]).toMatchObject({ body: '{"in":"pieces"}', headers: { 'content-length': '15' } })
    expect(toApi[0]?.headers['transfer-encoding']).toBeUndefined()
  })

  test.each([{}, { 'transfer-encoding': 'chunked' }])(
    'refuses a body that is larger than the runtime accepts, with %o',
    async (headers) => {
      const { url, toApi } = await start()
      const body = Buffer.alloc(1_200_000, ' ')
      const length = 'transfer-encoding' in headers ? {} : { 'content-length': String(body.length) }
      const sent = request(`${url}/api/orders`, { method: 'POST', headers: { ...headers, ...length } })
      sent.on('error', () => undefined)
      sent.end(body)
      const [answer] = (await once(sent, 'response')) as [IncomingMessage]
      expect(answer.statusCode).toBe(413)
      expect(answer.headers['content-type']).toBe('application/problem+json')
      const requestId = answer.headers['x-request-id']
      expect(requestId).toMatch(/^[\da-f-]{36}$/)
      const problem = { status: 413, type: '/docs/errors#payload-too-large', requestId }
      expect(JSON.parse(await text(answer))).toMatchObject(problem)
      expect(toApi.filter(({ body: received }) => received.length >= body.length)).toEqual([])
    },
  )

  test.each(['X-Operator', 'Idempotency-Key'])('refuses characters in %s that no function could read', async (name) => {
    const { url, toApi, toQuery } = await start()
    const ask = async (value: string) => {
      const headers = { [name]: Buffer.from(value).toString('latin1') }
      const [answer] = (await once(request(`${url}/api/audit`, { headers }).end(), 'response')) as [IncomingMessage]
      return answer.statusCode
    }
    expect(await ask('Zoë')).toBe(200)
    expect(await ask('Łukasz')).toBe(400)
    expect([...toApi, ...toQuery]).toHaveLength(1)
  })

  test.each(['TRACE', 'PROPFIND'])('has the functions answer %s, which none of them accepts', async (method) => {
    const { url, toQuery } = await start()
    const [answer] = (await once(request(`${url}/api/orders`, { method }).end(), 'response')) as [IncomingMessage]
    expect(answer.statusCode).toBe(200)
    expect(toQuery.map((seen) => seen.method)).toEqual(['DELETE'])
  })

  test('supplies the error body that the runtime lacks for a disabled function', async () => {
    const { url } = await start('not found')
    const answer = await fetch(`${url}/api/orders`, ORDER)
    expect(answer.status).toBe(404)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(await answer.json()).toMatchObject({ status: 404, type: '/docs/errors#not-found' })
  })

  test('names every request, by the caller’s name or a new one, upstream and in every answer', async () => {
    const { url, toQuery } = await start()
    const named = async (path: string, given?: string) => {
      const headers = given === undefined ? {} : { 'x-request-id': given }
      const answer = await fetch(url + path, { headers })
      return { name: answer.headers.get('x-request-id'), body: await answer.text() }
    }
    for (const [given, kept] of [
      ['mine-1', /^mine-1$/],
      ['"quoted"', /^[\da-f-]{36}$/],
      [undefined, /^[\da-f-]{36}$/],
    ] as const) {
      const answered = await named('/api/audit', given)
      expect(answered.name).toMatch(kept)
      expect(toQuery.at(-1)?.headers['x-request-id']).toBe(answered.name)
      const refused = await named('/admin', given)
      expect(refused.name).toMatch(kept)
      expect(JSON.parse(refused.body)).toMatchObject({ requestId: refused.name })
    }
  })

  test('answers a path with a double slash, for which the runtime has no body', async () => {
    const { url, toApi, toQuery } = await start()
    const answer = await fetch(`${url}//api/orders`, ORDER)
    expect(answer.status).toBe(404)
    expect(await answer.json()).toMatchObject({ status: 404, type: '/docs/errors#not-found' })
    expect([...toApi, ...toQuery]).toEqual([])
  })

  test('trusts no claim of a platform sign-in, and reveals nothing about the servers behind it', async () => {
    const { url, toQuery } = await start()
    const headers = {
      'x-ms-client-principal': 'a',
      'X-MS-CLIENT-PRINCIPAL-NAME': 'admin@example.com',
      'x-ms-client-principal-id': 'b',
      'x-operator': 'claimed',
    }
    const answer = await fetch(`${url}/api/audit`, { headers })
    expect(answer.headers.get('server')).toBeNull()
    const names = Object.keys(toQuery[0]?.headers ?? {})
    expect(names).toContain('x-operator')
    expect(names.filter((name) => name.startsWith('x-ms-'))).toEqual([])
  })

  test.each([
    '/admin',
    '/admin/host/status',
    '/ADMIN/host/keys',
    '/%61dmin/host/keys',
    '/runtime/webhooks',
    '//admin/host',
  ])('keeps %s to itself', async (path) => {
    const { url, toApi, toQuery } = await start()
    expect((await fetch(url + path)).status).toBe(404)
    expect([...toApi, ...toQuery]).toEqual([])
  })
})
