import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../support/free-port.ts'
import { skipsGateway, startGateway } from '../../support/functions/gateway.ts'

const [API, QUERY] = ['127.0.0.2', '127.0.0.4'] as const
const LONG = 300_000
/** The largest body that the gateway passes on, a little more than the limit for an order. */
const MAX_BYTES = 1_100_000
const KEY = { 'idempotency-key': 'k' }
const PIECES = { 'transfer-encoding': 'chunked' }

type Behaviour = 'answer' | 'answer at once' | 'hang up'
interface Seen {
  readonly bytes: number
  readonly length: string | undefined
}

/** A role that handles its first requests as scripted, one behaviour for each, and answers the rest. */
async function startRole(address: string, port: number, ...behaviours: Behaviour[]): Promise<Seen[]> {
  const seen: Seen[] = []
  const serve = async (incoming: IncomingMessage, answer: ServerResponse) => {
    const behaviour = behaviours.shift()
    // As in the runtime, the function gets an empty body instead of a chunked one.
    if (behaviour === 'answer at once') return answer.writeHead(400).end('The body is empty.')
    const body = await text(incoming)
    seen.push({ bytes: body.length, length: incoming.headers['content-length'] })
    if (behaviour === 'hang up') incoming.socket.destroy()
    else answer.writeHead(202).end()
  }
  const server = createServer((incoming, answer) => void serve(incoming, answer).catch(() => answer.destroy()))
  server.listen(port, address)
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return seen
}

async function start() {
  const port = await freePort()
  const gateway = await startGateway({ api: API, query: QUERY, port })
  onTestFinished(() => gateway[Symbol.asyncDispose]())
  return { port, url: gateway.url }
}

function post(url: string, headers: Record<string, string>) {
  const sent = request(url, { method: 'POST', headers })
  const answered = once(sent, 'response').then(async ([answer]) => {
    const { statusCode, headers: given } = answer as IncomingMessage
    return { status: statusCode, headers: given, body: await text(answer as IncomingMessage) }
  })
  // If a request is refused, the connection may end before the caller has sent the whole request.
  sent.on('error', () => undefined)
  return { sent, answered }
}

describe.skipIf(skipsGateway)('the gateway, when an instance goes away', () => {
  test.each([{ 'content-length': String(LONG) }, PIECES])(
    'holds an order with %o until an instance is up, and passes it on complete',
    async (headers) => {
      const { port, url } = await start()
      const { sent, answered } = post(`${url}/api/orders`, headers)
      sent.end('x'.repeat(LONG))
      await sleep(500)
      const seen = await startRole(API, port)
      expect(await answered).toMatchObject({ status: 202 })
      expect(seen).toEqual([{ bytes: LONG, length: String(LONG) }])
    },
  )

  test('tells every caller what to do when no instance is up', { timeout: 60_000 }, async () => {
    const { url } = await start()
    const told = async (method: string, path: string) => {
      const answer = await fetch(url + path, { method, ...(method === 'POST' && { body: '{}' }) })
      expect(answer.headers.get('retry-after')).toBe('1')
      expect([502, 503]).toContain(answer.status)
      const { detail, requestId } = (await answer.json()) as { detail: string; requestId: string }
      expect(requestId).toMatch(/^[\da-f-]{36}$/)
      expect(answer.headers.get('x-request-id')).toBe(requestId)
      return detail
    }
    const [read, operated, placed] = await Promise.all([
      told('GET', '/api/orders'),
      told('POST', '/api/redrives'),
      told('POST', '/api/orders/'),
    ])
    expect(read).toBe('No instance answered. Try again.')
    expect(operated).toMatch(/check before you send it again\.$/)
    expect(placed).toMatch(/send it again with its Idempotency-Key, or check first\.$/)
  })

  test('does not repeat an order that may have been accepted, and says so', async () => {
    const { port, url } = await start()
    const seen = await startRole(API, port, 'hang up')
    const { sent, answered } = post(`${url}/api/orders`, {})
    sent.end('{}')
    const { status, headers, body } = await answered
    expect(status).toBe(502)
    expect(headers['content-type']).toBe('application/problem+json')
    expect(JSON.parse(body)).toMatchObject({ status: 502, detail: expect.stringContaining('Idempotency-Key') })
    expect(seen).toHaveLength(1)
  })

  test.each([{ 'content-length': String(LONG) }, PIECES])(
    'repeats an order with an Idempotency-Key, complete, with %o',
    async (headers) => {
      const { port, url } = await start()
      const seen = await startRole(API, port, 'hang up')
      const { sent, answered } = post(`${url}/api/orders`, { ...headers, ...KEY })
      sent.end('x'.repeat(LONG))
      expect(await answered).toMatchObject({ status: 202 })
      expect(seen.map(({ bytes }) => bytes)).toEqual([LONG, LONG])
    },
  )

  test.each([
    ['PATCH', '/api/orders/018f0000'],
    ['POST', '/api/orders/018f0000/cancel'],
    ['POST', '/API/Orders/018f0000/Cancel/'],
  ])('repeats a change with an Idempotency-Key where orders are placed: %s %s', async (method, path) => {
    const { port, url } = await start()
    const seen = await startRole(API, port, 'hang up', 'answer', 'hang up')
    expect((await fetch(url + path, { method, headers: KEY })).status).toBe(202)
    expect(seen).toHaveLength(2)
    expect((await fetch(url + path, { method })).status).toBe(502)
    expect(seen).toHaveLength(3)
  })

  test('sends operators’ requests once, even with idempotency keys', async () => {
    const { port, url } = await start()
    const seen = await startRole(QUERY, port, 'hang up')
    const { sent, answered } = post(`${url}/api/redrives`, KEY)
    sent.end('{}')
    expect(await answered).toMatchObject({ status: 502 })
    expect(seen).toHaveLength(1)
  })

  test('retries reads', async () => {
    const { port, url } = await start()
    const seen = await startRole(QUERY, port, 'hang up')
    expect((await fetch(`${url}/api/orders`)).status).toBe(202)
    expect(seen).toHaveLength(2)
  })

  test('answers 413 when a chunked body grows beyond the limit, though a role answers before its end', async () => {
    const { port, url } = await start()
    await startRole(API, port, 'answer at once')
    const { sent, answered } = post(`${url}/api/orders`, PIECES)
    sent.write(Buffer.alloc(MAX_BYTES, ' '))
    await sleep(300)
    sent.end(' ')
    const { status, body } = await answered
    expect(status).toBe(413)
    expect(JSON.parse(body)).toMatchObject({ status: 413, type: '/docs/errors#payload-too-large' })
  })
})
