import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { app, type HttpHandler } from '@azure/functions'
import { describe, expect, test } from 'vitest'
import { startHost, TEST_KEY } from '../../support/functions/function-host.ts'

const MIB = 1024 * 1024
const echo: HttpHandler = async (request) => ({ body: `${request.method} ${await request.text()}` })

function registerEcho() {
  app.http('echo', { route: 'echo', methods: ['GET', 'HEAD', 'POST'], handler: echo })
}

/** Sends raw bytes; resolves with everything received until the host closes the connection. */
async function exchange(port: number, ...parts: (string | Buffer)[]): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  for (const part of parts) socket.write(part)
  return received(socket)
}

async function received(socket: Socket): Promise<string> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  // A reset after the answer is normal: a client can still read the bytes that it received before.
  socket.on('error', () => socket.destroy())
  await new Promise((resolve) => socket.once('close', resolve))
  return Buffer.concat(chunks).toString()
}

async function problemOf(response: Response) {
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  return (await response.json()) as { status: number; type: string; title: string; detail: string }
}

describe('a request', () => {
  test('reaches its function with a body of either framing, and HEAD as GET without the body', async () => {
    await using host = await startHost(registerEcho)
    expect(await (await fetch(`${host.url}/echo`, { method: 'POST', body: 'hello' })).text()).toBe('POST hello')
    const chunked = new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from('in '))
        controller.enqueue(Buffer.from('chunks'))
        controller.close()
      },
    })
    const init = { method: 'POST', body: chunked, duplex: 'half' } as RequestInit
    expect(await (await fetch(`${host.url}/echo`, init)).text()).toBe('POST in chunks')
    const head = await fetch(`${host.url}/echo`, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '5', ''])
  })

  test('without a matching function is 404, or 400 when its path cannot be decoded', async () => {
    await using host = await startHost(registerEcho)
    const missing = await fetch(`${host.url}/nothing`)
    expect([missing.status, (await problemOf(missing)).type]).toEqual([404, expect.stringContaining('not-found')])
    expect((await fetch(`${host.url}/echo`, { method: 'DELETE' })).status).toBe(404)
    expect((await fetch(`${host.url}/%ff`)).status).toBe(400)
  })

  test('without Host, with an unknown expectation, or for a proxy is refused with a reason', async () => {
    await using host = await startHost(registerEcho)
    const noHost = await exchange(host.port, 'GET /echo HTTP/1.1\r\nConnection: close\r\n\r\n')
    expect(noHost).toMatch(/^HTTP\/1.1 400 [^]*The header Host is missing\./)
    expect(await exchange(host.port, 'GET /echo HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1.1 200 /)
    const expecting = 'GET /echo HTTP/1.1\r\nHost: a\r\nExpect: cake\r\nConnection: close\r\n\r\n'
    expect(await exchange(host.port, expecting)).toMatch(/^HTTP\/1.1 417 [^]*"status":417/)
    const proxied = await exchange(host.port, 'CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(proxied).toMatch(/^HTTP\/1.1 400 [^]*"status":400/)
    const named = 'CONNECT a:443 HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine-1\r\n\r\n'
    expect(await exchange(host.port, named)).toMatch(/x-request-id: mine-1\r\n[^]*"requestId":"mine-1"/)
  })

  test.each(['lean', 'official'] as const)('has its headers read as UTF-8 (%s)', async (invocation) => {
    const echo = () => {
      app.http('echo', { handler: (request) => ({ body: request.headers.get('x-operator') ?? '' }) })
    }
    await using host = await startHost(echo, { invocation })
    const ask = (operator: Buffer) => {
      const head = 'GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Operator: '
      return exchange(host.port, Buffer.concat([Buffer.from(head), operator, Buffer.from('\r\n\r\n')]))
    }
    expect(await ask(Buffer.from('Zoë'))).toMatch(/^HTTP\/1.1 200 [^]*\r\n\r\nZoë$/)
    expect(await ask(Buffer.from('Łukasz'))).toMatch(/^HTTP\/1.1 400 [^]*"pointer":"x-operator"/)
    expect(await ask(Buffer.from('Zoë', 'latin1'))).toMatch(/^HTTP\/1.1 400 [^]*"pointer":"x-operator"/)
  })

  test('for a proxy, from a client that hangs up at once, does no harm to others', async () => {
    await using host = await startHost(registerEcho)
    const hangUps = Array.from({ length: 20 }, async () => {
      const socket = connect(host.port, '127.0.0.1')
      socket.on('error', () => undefined)
      await once(socket, 'connect')
      socket.write('CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n', () => socket.resetAndDestroy())
      await once(socket, 'close')
    })
    await Promise.all(hangUps)
    expect((await fetch(`${host.url}/echo`)).status).toBe(200)
  })

  test('whose function throws is 500 without the error, which is logged', async () => {
    await using host = await startHost(() => {
      app.http('broken', {
        handler: () => {
          throw new Error('a secret of the store')
        },
      })
    })
    const response = await fetch(`${host.url}/broken`)
    expect(response.status).toBe(500)
    expect(JSON.stringify(await problemOf(response))).not.toContain('secret')
    const failure = host.lines.find(({ message }) => message === 'a request failed')
    expect(failure).toMatchObject({
      level: 'error',
      fields: {
        path: '/broken',
        err: { message: 'The function broken failed.', cause: { message: 'a secret of the store' } },
      },
    })
  })

  test('keeps repeated headers: they are joined, cookies with semicolons', async () => {
    await using host = await startHost(() => {
      app.http('headers', { handler: ({ headers }) => ({ jsonBody: [headers.get('x-a'), headers.get('cookie')] }) })
    })
    const raw =
      'GET /headers HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\nX-A: 2\r\nCookie: a=1\r\nCookie: b=2\r\nConnection: close\r\n\r\n'
    expect(await exchange(host.port, raw)).toContain('["1, 2","a=1; b=2"]')
  })
})

describe('a key', () => {
  const register = () => {
    app.http('open', { authLevel: 'anonymous', handler: () => ({}) })
    app.http('closed', { authLevel: 'function', methods: ['GET', 'POST'], handler: () => ({}) })
    app.http('master', { authLevel: 'admin', handler: () => ({}) })
  }

  test('is required for authLevel function and admin, in the header or the query', async () => {
    await using host = await startHost(register)
    const statusOf = async (path: string, key?: string) =>
      (await fetch(host.url + path, key === undefined ? {} : { headers: { 'x-functions-key': key } })).status
    expect(await statusOf('/open')).toBe(200)
    expect(await statusOf('/closed')).toBe(401)
    expect(await statusOf('/closed', 'wrong')).toBe(401)
    expect(await statusOf('/closed', TEST_KEY)).toBe(200)
    expect(await statusOf(`/closed?CODE=${encodeURIComponent(TEST_KEY)}`)).toBe(200)
    expect(await statusOf('/master')).toBe(401)
    expect(await statusOf('/master', TEST_KEY)).toBe(200)
  })

  test('that is known but only opens other functions is 403, before the body is read', async () => {
    const key = 'a narrow key for tests'
    const narrowKeys = [{ key, opens: (name: string) => name === 'other' }]
    await using host = await startHost(
      () => {
        register()
        app.http('other', { authLevel: 'function', handler: () => ({}) })
      },
      { narrowKeys },
    )
    const headers = { 'x-functions-key': key }
    expect((await fetch(`${host.url}/other`, { headers })).status).toBe(200)
    const refused = await fetch(`${host.url}/closed`, { method: 'POST', headers, body: 'x' })
    expect([refused.status, (await problemOf(refused)).type]).toEqual([403, expect.stringContaining('forbidden')])
    expect((await fetch(`${host.url}/master`, { headers })).status).toBe(403)
  })

  test('that is missing is a problem, also for a request with a body', async () => {
    await using host = await startHost(register)
    const response = await fetch(`${host.url}/closed`, { method: 'POST', body: 'x' })
    expect([response.status, (await problemOf(response)).type]).toEqual([401, expect.stringContaining('unauthorized')])
  })
})

describe('CORS', () => {
  test('is off unless there are origins', async () => {
    await using host = await startHost(registerEcho)
    const response = await fetch(`${host.url}/echo`, { headers: { origin: 'https://a.example' } })
    expect(response.headers.get('access-control-allow-origin')).toBeNull()
  })

  test('answers preflights and adds headers, to problems too, for allowed origins alone', async () => {
    await using host = await startHost(registerEcho, { corsOrigins: ['https://a.example'] })
    const preflight = { 'access-control-request-method': 'PUT', 'access-control-request-headers': 'x-a' }
    const ask = (method: string, path: string, origin: string) =>
      fetch(host.url + path, { method, headers: { origin, ...(method === 'OPTIONS' && preflight) } })
    const allowed = await ask('OPTIONS', '/echo', 'https://a.example')
    expect([
      allowed.status,
      ...['origin', 'methods', 'headers'].map((name) => allowed.headers.get(`access-control-allow-${name}`)),
    ]).toEqual([204, 'https://a.example', 'PUT', 'x-a'])
    expect(allowed.headers.get('vary')).toBe('Origin')
    const missing = await ask('GET', '/nothing', 'https://a.example')
    expect([missing.status, missing.headers.get('access-control-allow-origin'), missing.headers.get('vary')]).toEqual([
      404,
      'https://a.example',
      'Origin',
    ])
    const foreign = await ask('OPTIONS', '/echo', 'https://b.example')
    expect([foreign.status, foreign.headers.get('access-control-allow-origin')]).toEqual([404, null])
  })
})

describe('a body over 1 MiB', () => {
  test('is refused by its announced length, before any of it is sent', async () => {
    await using host = await startHost(registerEcho)
    const head = `POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${MIB + 1}\r\nExpect: 100-continue\r\n\r\n`
    const answer = await exchange(host.port, head)
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect(answer).toMatch(/connection: close/i)
  })

  test('is refused while its chunks arrive, and the rest is not read', async () => {
    await using host = await startHost(registerEcho)
    const socket = connect(host.port, '127.0.0.1')
    await once(socket, 'connect')
    const answer = received(socket)
    socket.write('POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n')
    const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(0x10000, 'x'), Buffer.from('\r\n')])
    const closed = once(socket, 'close').catch(() => undefined)
    let taken = 0
    while (taken < 64 * MIB && socket.writable) {
      if (!socket.write(chunk)) await Promise.race([once(socket, 'drain').catch(() => undefined), closed])
      taken += chunk.length
    }
    expect(await answer).toMatch(/^HTTP\/1\.1 413 [\s\S]*payload-too-large/)
    expect(taken).toBeLessThan(64 * MIB)
    expect((await fetch(`${host.url}/echo`)).status).toBe(200)
  })

  test('of exactly 1 MiB is accepted', async () => {
    await using host = await startHost(registerEcho)
    const response = await fetch(`${host.url}/echo`, { method: 'POST', body: Buffer.alloc(MIB, 'x') })
    expect([response.status, (await response.text()).length]).toEqual([200, MIB + 5])
  })
})

describe('Expect: 100-continue', () => {
  test('is answered when the body is wanted', async () => {
    await using host = await startHost(registerEcho)
    const request = httpRequest(`${host.url}/echo`, {
      method: 'POST',
      headers: { expect: '100-continue', 'content-length': 2 },
    })
    request.flushHeaders()
    await once(request, 'continue')
    request.end('ok')
    const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream]
    expect(await text(response)).toBe('POST ok')
  })
})

describe('a client that misbehaves', () => {
  test.each([
    { what: 'no HTTP at all', bytes: 'hello\r\n\r\n', status: 400 },
    {
      what: 'headers without end',
      bytes: `GET / HTTP/1.1\r\nHost: a\r\nX-A: ${'x'.repeat(40_000)}\r\n\r\n`,
      status: 431,
    },
    { what: 'a host that is none', bytes: 'GET /echo HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n', status: 400 },
    { what: 'two hosts', bytes: 'GET /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n', status: 400 },
    {
      what: 'two lengths',
      bytes: 'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
      status: 400,
    },
    {
      what: 'a chunk that is none',
      bytes: 'POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      status: 400,
    },
  ])('with $what gets $status', async ({ bytes, status }) => {
    await using host = await startHost(registerEcho, { logRefusals: true })
    const answer = await exchange(host.port, bytes)
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(answer).toContain('application/problem+json')
    // The response and the log line have the same request id, even if little of the request could be read.
    const [, requestId] = /^x-request-id: (\S+)/m.exec(answer) ?? []
    expect(answer).toContain(`"requestId":"${requestId}"`)
    const told = host.lines.map(({ fields }) => fields)
    expect(told).toContainEqual(expect.objectContaining({ event: 'http:refused', status, requestId }))
  })

  test('by never finishing its headers or its body is disconnected', async () => {
    await using host = await startHost(registerEcho, { limits: { headersTimeoutMs: 100, requestTimeoutMs: 200 } })
    const answers = await Promise.all([
      exchange(host.port, 'GET / HTTP/1.1\r\nHost: a\r\n'),
      exchange(host.port, 'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc'),
    ])
    for (const answer of answers) expect(answer).toMatch(/^HTTP\/1\.1 408 /)
  })

  test('by hanging up midway does no harm to others', async () => {
    await using host = await startHost(registerEcho)
    for (const reset of [true, false]) {
      const socket = connect(host.port, '127.0.0.1')
      await once(socket, 'connect')
      socket.write('POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc')
      await new Promise((resolve) => setTimeout(resolve, 20))
      if (reset) socket.resetAndDestroy()
      else socket.destroy()
    }
    expect(await (await fetch(`${host.url}/echo`)).text()).toBe('GET ')
    expect(host.lines.filter(({ level }) => level === 'error')).toEqual([])
  })
})

describe('closing', () => {
  test('finishes requests in flight, accepts no new ones, then runs the termination hooks', async () => {
    const order: string[] = []
    const { promise, resolve } = Promise.withResolvers<void>()
    const entered = Promise.withResolvers<void>()
    const host = await startHost(() => {
      app.hook.appTerminate(() => void order.push('terminated'))
      app.http('slow', {
        handler: async () => {
          entered.resolve()
          await promise
          return { body: 'done' }
        },
      })
    })
    const response = fetch(`${host.url}/slow`)
    await entered.promise
    const closed = host.host.close().then(() => order.push('closed'))
    expect(host.host.unfinished()).toEqual(['1 HTTP requests'])
    // The host accepts pending connections for a few more turns of the event loop, and refuses new ones only after
    // that.
    for (let turn = 0; turn < 3; turn++) await nextTurn()
    await expect(fetch(`${host.url}/slow`)).rejects.toThrow('fetch failed')
    order.push('finished')
    resolve()
    expect(await (await response).text()).toBe('done')
    await closed
    expect(order).toEqual(['finished', 'terminated', 'closed'])
  })
})
