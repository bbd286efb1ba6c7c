import { gunzipSync } from 'node:zlib'
import { HttpRequest, InvocationContext, type HttpRequestInit } from '@azure/functions'
import { describe, expect, it } from 'vitest'
import { OrderError } from '../../../shared/domain/errors.ts'
import type { OrderView } from '../../../shared/domain/order-view.ts'
import { json, page, revalidated } from '../../../shared/http/protocol/answer.ts'
import { endpoint } from '../../../shared/http/protocol/endpoint.ts'
import { readJson } from '../../../shared/http/protocol/json-body.ts'
import { listQuery, searchQuery } from '../../../shared/http/orders.ts'
import { placeOrder, type Ignored } from '../../../shared/http/place-order.ts'
import { idempotencyKeyOf, waitSeconds } from '../../../shared/http/protocol/preferences.ts'
import { toProblem } from '../../../shared/http/protocol/problem.ts'
import { readQuery } from '../../../shared/http/protocol/query.ts'
import { allowedMethods } from '../../../shared/http/routes.ts'
import { ORIGINAL_BODY } from '../../support/orders/orders.ts'

function request(init: Partial<HttpRequestInit> = {}): HttpRequest {
  return new HttpRequest({ method: 'POST', url: 'http://localhost/api/orders', ...init })
}

const jsonBody = (body: string | Uint8Array, contentType = 'application/json') =>
  request({
    body: typeof body === 'string' ? { string: body } : { bytes: body },
    headers: { 'content-type': contentType },
  })

it('tells callers that a disk is full, and nothing of what the driver says', () => {
  const full = new OrderError('log-full', 'The disk that holds the log /srv/log.db is full', { retriable: true })
  const { status, body } = toProblem(full, '/api/orders', { requestId: 'a' })
  expect({ status, ...(JSON.parse(body as string) as object) }).toMatchObject({
    status: 503,
    type: '/docs/errors#log-unavailable',
    detail: expect.stringMatching(/^The log’s disk is full: .*Idempotency-Key/) as string,
  })
  expect(body).not.toContain('/srv')
})

describe('a body', () => {
  it('is read when it is JSON, under any declared JSON media type', async () => {
    for (const type of [
      'application/json',
      'Application/JSON; charset=UTF-8',
      'application/cloudevents+json',
      'application/json;charset="utf-8"',
    ]) {
      expect(await readJson(jsonBody('{"a":1}', type))).toEqual({ a: 1 })
    }
  })

  it.each([
    ['text/plain', '{}', 'unsupported-media-type'],
    ['application/json; charset=latin1', '{}', 'unsupported-media-type'],
    ['application/x-www-form-urlencoded', '{}', 'unsupported-media-type'],
    ['application/json', '', 'malformed-json'],
    ['application/json', '{', 'malformed-json'],
    ['application/json', 'NaN', 'malformed-json'],
    ['application/json', '{"a":1,}', 'malformed-json'],
    ['application/json', Buffer.from([0x22, 0xff, 0x22]), 'malformed-json'],
    ['application/json', Buffer.alloc(1024 * 1024 + 1, ' '), 'payload-too-large'],
  ])('declared as %s is refused: case %#', async (type, body, code) => {
    await expect(readJson(jsonBody(body, type))).rejects.toMatchObject({ code })
  })

  it('that the runtime dropped because it was chunked is not called empty', async () => {
    const headers = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }
    await expect(readJson(request({ headers }))).rejects.toThrow(
      /^No body arrived\. Send it with a content-length header/,
    )
  })

  it('that is compressed is refused as such, and a plain one is read', async () => {
    const encoded = (encoding: string) =>
      request({
        body: { string: '{}' },
        headers: { 'content-type': 'application/json', 'content-encoding': encoding },
      })
    await expect(readJson(encoded('gzip'))).rejects.toMatchObject({
      code: 'unsupported-media-type',
      message: 'Send the body as it is, without a content-encoding header.',
    })
    expect(await readJson(encoded('identity'))).toEqual({})
  })

  it('that is not JSON is refused with the position, and without quoting the body', async () => {
    await expect(readJson(jsonBody('{"card":"4111 1111" oops}'))).rejects.toThrow(
      /^The body is not JSON \(line 1 column \d+\)\.$/,
    )
  })

  it('nested a hundred thousand levels deep is read or refused, never a crash', async () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000)
    expect(Array.isArray(await readJson(jsonBody(deep)))).toBe(true)
  })
})

describe('the trace of a caller', () => {
  const VALID_TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const bodyOf = (traceparent: string, more: Record<string, string> = {}) =>
    request({
      body: { string: JSON.stringify(ORIGINAL_BODY) },
      headers: { 'content-type': 'application/json', traceparent, ...more },
    })

  it.each([
    [VALID_TRACE, true],
    ['00-00000000000000000000000000000000-b7ad6b7169203331-01', false],
    ['00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01', false],
    ['ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', false],
    ['nonsense', false],
  ])('%s is passed on to the log only if it is valid', async (traceparent, isOne) => {
    const options: unknown[] = []
    await placeOrder(bodyOf(traceparent), {
      placeOrder: async (_, given) => {
        options.push(given)
        return { orderId: 'id', acceptedAt: '2026-01-01T00:00:00.000Z' }
      },
      waitForOrder: async () => undefined,
      views: { archivedAt: async () => undefined },
    })
    expect(options).toEqual([isOne ? { traceparent } : {}])
  })

  it.each([
    ['rojo=00f067aa0ba902b7', VALID_TRACE, { traceparent: VALID_TRACE, tracestate: 'rojo=00f067aa0ba902b7' }],
    ['rojo=00f067aa0ba902b7', 'ff-nonsense', {}],
    ['no list', VALID_TRACE, { traceparent: VALID_TRACE }],
    ['', VALID_TRACE, { traceparent: VALID_TRACE }],
  ])('the tracestate %j with %s is passed on only if both are valid', async (tracestate, traceparent, taken) => {
    const options: object[] = []
    await placeOrder(bodyOf(traceparent, { tracestate }), {
      placeOrder: async (_, given) => {
        options.push(given)
        return { orderId: '', acceptedAt: '' }
      },
      waitForOrder: async () => undefined,
      views: { archivedAt: async () => undefined },
    })
    expect(options).toEqual([taken])
  })
})

describe('unknown members of an order’s body', () => {
  const [item] = ORIGINAL_BODY.orderItems
  const accepted = { orderId: 'id', acceptedAt: '2026-01-01T00:00:00.000Z', status: 'accepted' } as const

  async function answerTo(body: object, view?: OrderView): Promise<{ status: number | undefined; body: unknown }> {
    const headers = { 'content-type': 'application/json', ...(view !== undefined && { prefer: 'wait=1' }) }
    const sent = request({ body: { string: JSON.stringify(body) }, headers })
    const use = {
      placeOrder: async () => accepted,
      waitForOrder: async () => view,
      views: { archivedAt: async () => undefined },
    }
    const answer = await placeOrder(sent, use)
    return { status: answer.status, body: JSON.parse(answer.body as string) }
  }

  it('are named in the answer by JSON pointers, and omitted when there are none', async () => {
    expect(await answerTo(ORIGINAL_BODY)).toEqual({ status: 202, body: accepted })
    const body = {
      ...ORIGINAL_BODY,
      externalOrderId: 7,
      'a/b~c': [1],
      orderItems: [item, { ...item, note: { deep: 1 } }],
    }
    const ignored = ['/externalOrderId', '/a~1b~0c', '/orderItems/1/note']
    expect(await answerTo(body)).toEqual({ status: 202, body: { ...accepted, ignored } })
    const stored = { ...accepted, status: 'stored' } as const
    expect(await answerTo(body, stored)).toEqual({ status: 201, body: { ...stored, ignored } })
  })

  it('are named even with special characters', async () => {
    const body = JSON.parse(
      JSON.stringify(ORIGINAL_BODY).replace('{', '{"__proto__":1,"constructor":2,"":3,'),
    ) as object
    expect(await answerTo(body)).toMatchObject({ body: { ignored: ['/__proto__', '/constructor', '/'] } })
    const metadata = JSON.parse('{"a":"1","__proto__":"2"}') as object
    expect(await answerTo({ ...ORIGINAL_BODY, metadata, refrence: 'WEB-1' })).toMatchObject({
      body: { ignored: ['/metadata/__proto__', '/refrence'] },
    })
  })

  it('are listed up to twenty, with names of at most 100 characters', async () => {
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`m${index}`, 1]))
    const { body } = await answerTo({ ...many, ...ORIGINAL_BODY, orderItems: [{ ...item, note: 1 }] })
    expect((body as Ignored).ignored).toEqual(
      Object.keys(many)
        .slice(0, 20)
        .map((name) => `/${name}`),
    )
    const long = await answerTo({ ...ORIGINAL_BODY, [`${'x'.repeat(99)}😀`]: 1 })
    expect((long.body as Ignored).ignored).toEqual([`/${'x'.repeat(99)}\ufffd`])
  })
})

describe('query parameters', () => {
  const read = (text: string) => readQuery(new URLSearchParams(text), listQuery)

  it('become values with defaults', () => {
    expect(read('customerId=7&status=stored&from=2026-01-01T00:00:00%2B01:00')).toEqual({
      limit: 50,
      customerId: 7,
      status: 'stored',
      from: '2025-12-31T23:00:00.000Z',
    })
  })

  it('that are missing are reported as required', () => {
    expect(() => readQuery(new URLSearchParams(), searchQuery)).toThrow('The query parameter q is required.')
  })

  it('that ask for accepted orders are refused with a reason and an alternative', () => {
    expect(() => read('status=accepted')).toThrow(
      expect.objectContaining({
        code: 'invalid-request',
        violations: [
          {
            pointer: 'status',
            detail: expect.stringMatching(
              /in the log, and lists come from the store\. .*GET \/api\/orders\/\{orderId\};.*GET \/api\/ops\/status$/,
            ) as string,
          },
        ],
      }),
    )
  })

  it('may contain the function key, which belongs to the host', () => {
    expect(read('code=secret')).toEqual({ limit: 50 })
  })

  it.each([
    ['limit=0', 'limit', 'must be a whole number from 1 to 200'],
    ['limit=201', 'limit', 'must be a whole number from 1 to 200'],
    ['limit=1e2', 'limit', 'must be a whole number from 1 to 200'],
    ['limit=5&limit=6', 'limit', 'must appear only once'],
    ['page=2', 'page', 'is not a parameter of this route'],
    ['status=lost', 'status', 'must be one of retrying, stored, cancelled, dead-lettered, discarded'],
    ['from=yesterday', 'from', 'must be a time as in RFC 3339, such as 2026-01-31T12:00:00Z'],
    ['customerId=-1', 'customerId', 'must be a whole number from 1 to 9007199254740991'],
    ['cursor=', 'cursor', 'must not be empty'],
    ['__proto__=1', '__proto__', 'is not a parameter of this route'],
  ])('%s is refused and named', (text, pointer, detail) => {
    expect(() => read(text)).toThrow(
      expect.objectContaining({ code: 'invalid-request', violations: [{ pointer, detail }] }),
    )
  })
})

describe('the Prefer header', () => {
  it.each([
    ['wait=5', 5],
    ['respond-async, wait=5', 5],
    ['wait = "7"; x=y', 7],
    ['wait=600', 30],
    ['wait=-1', 0],
    ['wait=soon', 0],
    ['return=minimal', 0],
    ['', 0],
  ])('%j asks to wait %i seconds', (prefer, seconds) => {
    expect(waitSeconds(request({ headers: { prefer } }))).toBe(seconds)
  })
})

describe('the Idempotency-Key header', () => {
  it.each([
    ['"8e03978e-40d5"', '8e03978e-40d5'],
    ['8e03978e-40d5', '8e03978e-40d5'],
    ['"a \\"b\\" c"', 'a "b" c'],
    ['  bare  ', 'bare'],
  ])('%j is the key %j', (header, key) => {
    expect(idempotencyKeyOf(request({ headers: { 'idempotency-key': header } }))).toBe(key)
  })

  it.each(['', '""', '"a', 'a b', '"a", "b"', 'a, b', 'ä', 'x'.repeat(256)])('%j is refused', (header) => {
    expect(() => idempotencyKeyOf(request({ headers: { 'idempotency-key': header } }))).toThrow(
      expect.objectContaining({ code: 'invalid-request' }),
    )
  })

  it('may be absent', () => {
    expect(idempotencyKeyOf(request())).toBeUndefined()
  })
})

describe('an answer', () => {
  it('is not sent again to a caller that has it', () => {
    const first = revalidated(request(), { a: 1 })
    const { etag = '' } = first.headers as Record<string, string>
    for (const known of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const again = revalidated(request({ headers: { 'if-none-match': known } }), { a: 1 })
      expect(again).toMatchObject({ status: 304, headers: { etag } })
      expect(again.body).toBeUndefined()
    }
    expect(revalidated(request({ headers: { 'if-none-match': etag } }), { a: 2 }).status).toBe(200)
  })

  it('of a page links to the next one, without the function key', () => {
    const asked = request({
      method: 'GET',
      url: 'http://localhost/api/orders?limit=2&code=secret',
      query: { limit: '2', code: 'secret' },
    })
    const { headers } = page(asked, { items: [1, 2], nextCursor: 'abc' })
    expect(headers).toMatchObject({ link: '</api/orders?limit=2&cursor=abc>; rel="next"' })
  })
})

const context = new InvocationContext({ functionName: 'test', invocationId: 'of-this-invocation' })
const silent = { fault: async () => undefined, refusal: async () => undefined }

describe('the name of a request', () => {
  const nameFor = async (id: string | undefined) => {
    const headers = id === undefined ? {} : { 'x-request-id': id }
    const answer = await endpoint(async () => ({ status: 204 }), silent)(request({ headers }), context)
    return (answer as { headers: Record<string, string> }).headers['x-request-id']
  }

  it('is the caller’s when it is valid, otherwise that of the invocation', async () => {
    for (const own of ['a', 'Root=1-67891233-abcdef012345678912345678', 'x'.repeat(128)]) {
      expect(await nameFor(own)).toBe(own)
    }
    for (const other of [undefined, '', 'two words', 'a@example.com', '"', 'x'.repeat(129)]) {
      expect(await nameFor(other)).toBe('of-this-invocation')
    }
  })
})

describe('a long answer', () => {
  const items = Array.from({ length: 50 }, (_, id) => ({ id, name: 'an order' }))
  const answerTo = async (accepted: string, result = json(200, { items })) =>
    (await endpoint(async () => result, silent)(
      request({ method: 'GET', headers: { 'accept-encoding': accepted } }),
      context,
    )) as { body: string | Uint8Array; headers: Record<string, string> }

  it.each(['gzip', 'br, GZIP;q=0.5', '*', 'br;q=0, *', 'x-gzip'])(
    'is compressed for a caller that accepts %s',
    async (accepted) => {
      const { body, headers } = await answerTo(accepted)
      expect(headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'accept-encoding' })
      expect(JSON.parse(gunzipSync(body as Uint8Array).toString())).toEqual({ items })
    },
  )

  it.each(['', 'br', 'gzip;q=0', 'gzip; q=0.000, br', 'gzip;q=0, *', '*;q=0'])(
    'is not compressed for a caller that accepts %j',
    async (accepted) => {
      const { body, headers } = await answerTo(accepted)
      expect([typeof body, headers['content-encoding'], headers['vary']]).toEqual([
        'string',
        undefined,
        'accept-encoding',
      ])
    },
  )

  it.each([
    ['origin', 'origin, accept-encoding'],
    ['Accept-Encoding, origin', 'Accept-Encoding, origin'],
    ['*', '*'],
  ])('keeps the vary of its handler: %s', async (vary, merged) => {
    const result = json(200, { items }, { vary })
    expect((await answerTo('gzip', result)).headers).toMatchObject({ 'content-encoding': 'gzip', vary: merged })
  })

  it('stays as it is when its ETag depends on its bytes, or when it is short', async () => {
    for (const result of [revalidated(request(), { items }), json(200, { items: [] })]) {
      expect((await answerTo('gzip', result)).headers).not.toHaveProperty('content-encoding')
    }
  })
})

describe('an exception', () => {
  const answerTo = async (error: unknown) => {
    const reported: unknown[] = []
    const refused: unknown[] = []
    const answer = await endpoint(
      async () => {
        throw error
      },
      {
        fault: async (fault) => void reported.push(fault),
        refusal: async (_error, problem) => void refused.push(problem),
      },
    )(request(), context)
    return { reported, refused, answer, body: JSON.parse((answer as { body: string }).body) as unknown }
  }

  it('of ours becomes a problem with its violations', async () => {
    const violations = [{ pointer: '/customerId', detail: 'is required' }]
    const { answer, body, reported, refused } = await answerTo(
      new OrderError('invalid-order', '/customerId is required.', { violations }),
    )
    expect(answer).toMatchObject({ status: 400, headers: { 'content-type': 'application/problem+json' } })
    expect(body).toEqual({
      type: '/docs/errors#invalid-order',
      title: 'The order is not valid',
      status: 400,
      detail: '/customerId is required.',
      instance: '/api/orders',
      requestId: context.invocationId,
      errors: violations,
    })
    expect(reported).toEqual([])
    expect(refused).toEqual([{ code: 'invalid-order', status: 400 }])
  })

  it.each([
    new TypeError('secret of ours'),
    'secret of ours',
    undefined,
    new OrderError('store-unavailable', 'secret of ours', { retriable: true }),
  ])('of any other kind is reported, and the caller learns nothing about it: %s', async (error) => {
    const { body, reported } = await answerTo(error)
    expect(JSON.stringify(body)).not.toContain('secret')
    expect(reported).toEqual([error])
  })

  it('that passes says when to try again', async () => {
    const { answer } = await answerTo(new OrderError('queue-full', 'full', { retriable: true, retryAfterSeconds: 3 }))
    expect(answer).toMatchObject({ status: 429, headers: { 'retry-after': '3' } })
  })
})

describe('the table of routes', () => {
  it.each([
    ['/api/orders', ['POST', 'GET', 'HEAD']],
    ['/API/Orders/', ['POST', 'GET', 'HEAD']],
    ['/api/orders/search', ['GET', 'HEAD']],
    ['/api/orders/018f0000', ['GET', 'HEAD', 'PATCH']],
    ['/api/orders/018f0000/cancel', ['POST']],
    ['/api/orders/018f0000/changes', ['GET', 'HEAD']],
    ['/api/orders/018f0000/changes/018f0001', ['GET', 'HEAD']],
    ['/api/order', ['POST']],
    ['/api/dead-letters/groups', ['GET', 'HEAD']],
    ['/', ['GET', 'HEAD']],
    ['/nothing', []],
    ['/api/orders/a/b/c', []],
  ])('%s takes %j', (path, methods) => {
    expect(allowedMethods(path)).toEqual(methods)
  })
})
