import { Readable } from 'node:stream'
import { inspect } from 'node:util'
import { app, HttpRequest, HttpResponse, InvocationContext, type HttpHandler } from '@azure/functions'
import { describe, expect, test } from 'vitest'
import { createHttpInvocation, type InvocationPath } from '../../infra/host/http/http-invocation.ts'
import type { RoutedRequest } from '../../infra/host/http/http-types.ts'
import { createKafkaInvocation } from '../../infra/host/kafka/kafka-invocation.ts'
import type { LogRecord } from '../../shared/ports/event-log.ts'
import { loadApp, routed } from '../support/functions/function-host.ts'

function caught(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return error
  }
}

/** The promises of each way to invoke a function: handler and caller see the same as in the runtime. */
export function invocationContract(path: InvocationPath): void {
  async function answerOf(handler: HttpHandler, request: Partial<RoutedRequest> = {}) {
    const { app: functionApp, get, lines } = loadApp(() => app.http('probe', { methods: ['GET', 'POST'], handler }))
    const { status, headers, body } = await createHttpInvocation(functionApp, path)(get('probe'), routed(request))
    const text = body === undefined ? '' : Buffer.from(body as Uint8Array).toString()
    return { answer: { status, headers, text }, lines }
  }

  async function seenBy<T>(
    look: (request: HttpRequest, context: InvocationContext) => T,
    request: Partial<RoutedRequest>,
  ) {
    let seen: Awaited<T> | undefined
    await answerOf(async (request, context) => {
      seen = await look(request, context)
      return {}
    }, request)
    return seen as Awaited<T>
  }

  const json = { body: Buffer.from('{"a":1}'), headers: { 'content-type': 'application/json' } }

  describe('the request', () => {
    test('is an HttpRequest with method, URL, headers, query and parameters', async () => {
      const seen = await seenBy(
        (request) => ({
          isRequest: request instanceof HttpRequest,
          method: request.method,
          url: request.url,
          query: [...request.query],
          params: request.params,
          headers: [...request.headers],
          user: request.user,
        }),
        {
          url: 'http://localhost:7071/api/ä?a=1&A=2&b=x%20y&c',
          rawQuery: 'a=1&A=2&b=x%20y&c',
          params: { id: 'ä' },
          headers: { host: 'localhost:7071', 'x-many': 'a, b', 'x-empty': '' },
        },
      )
      expect(seen).toEqual({
        isRequest: true,
        method: 'POST',
        url: 'http://localhost:7071/api/%C3%A4?a=1&A=2&b=x%20y&c',
        query: [
          ['a', '1,2'],
          ['b', 'x y'],
          ['c', ''],
        ],
        params: { id: 'ä' },
        headers: [
          ['host', 'localhost:7071'],
          ['x-empty', ''],
          ['x-many', 'a, b'],
        ],
        user: null,
      })
    })

    test('finds headers by name in any case, and none that only the prototype of an object has', async () => {
      const seen = await seenBy(
        ({ headers }) => ({
          isHeaders: headers instanceof Headers,
          found: ['x-a', 'X-A', 'x-blanks', 'x-empty', 'x-none', 'constructor'].map((name) => headers.get(name)),
          known: ['x-a', 'X-A', 'x-empty', 'x-none', 'constructor'].map((name) => headers.has(name)),
          refused: [caught(() => headers.get('x a')), caught(() => headers.has(''))],
          shown: inspect(headers),
        }),
        { headers: { 'x-a': '1', 'x-blanks': ' 2\t', 'x-empty': '' } },
      )
      expect(seen).toEqual({
        isHeaders: true,
        found: ['1', '1', '2', '', null, null],
        known: [true, true, true, false, false],
        refused: [expect.any(TypeError), expect.any(TypeError)],
        shown: "Headers { 'x-a': '1', 'x-blanks': '2', 'x-empty': '' }",
      })
    })

    test('has headers that a function may change and copy', async () => {
      const seen = await seenBy(
        ({ headers }) => {
          headers.get('x-a')
          headers.set('x-a', '2')
          headers.append('x-b', '3')
          headers.append('x-b', '4')
          headers.delete('x-c')
          const each: string[] = []
          headers.forEach((value, name) => each.push(`${name}=${value}`))
          return {
            found: ['x-a', 'x-b', 'x-c'].map((name) => headers.get(name)),
            known: ['x-a', 'x-c'].map((name) => headers.has(name)),
            each,
            lists: [[...headers.keys()], [...headers.values()], [...headers.entries()], headers.getSetCookie()],
            copies: [new Headers(headers).get('x-b'), new Request('http://localhost', { headers }).headers.get('x-b')],
          }
        },
        { headers: { 'x-a': '1', 'x-c': '5' } },
      )
      expect(seen).toEqual({
        found: ['2', '3, 4', null],
        known: [true, false],
        each: ['x-a=2', 'x-b=3, 4'],
        lists: [
          ['x-a', 'x-b'],
          ['2', '3, 4'],
          [
            ['x-a', '2'],
            ['x-b', '3, 4'],
          ],
          [],
        ],
        copies: ['3, 4', '3, 4'],
      })
    })

    test('returns its body in each form', async () => {
      expect(await seenBy((request) => request.text(), json)).toBe('{"a":1}')
      expect(await seenBy((request) => request.json(), json)).toEqual({ a: 1 })
      expect(Buffer.from(await seenBy((request) => request.arrayBuffer(), json)).toString()).toBe('{"a":1}')
      const blob = await seenBy((request) => request.blob(), json)
      expect([await blob.text(), blob.type]).toEqual(['{"a":1}', 'application/json'])
      const streamed = await seenBy(async ({ body }) => new Response(body).text(), json)
      expect(streamed).toBe('{"a":1}')
    })

    test.each([
      ['memory of its own', new TextEncoder().encode('{"a":1}')],
      ['a part of larger memory', new TextEncoder().encode('[{"a":1}]').subarray(1, 8)],
    ])('returns the bytes of a body in %s, which the function may give away', async (_, body) => {
      const seen = await seenBy(
        async (request) => {
          const bytes = await request.arrayBuffer()
          const text = Buffer.from(structuredClone(bytes, { transfer: [bytes] })).toString()
          return [text, await request.text().catch((error: unknown) => error)]
        },
        { ...json, body },
      )
      expect(seen).toEqual([
        '{"a":1}',
        expect.objectContaining({ message: expect.stringMatching(/already been read/) }),
      ])
    })

    test('is a PATCH with its body, media type and precondition', async () => {
      const headers = { 'content-type': 'application/merge-patch+json', 'if-match': '"1-a"' }
      const seen = await seenBy(
        async (request) => [request.method, Object.fromEntries(request.headers), await request.json()],
        { ...json, method: 'PATCH', headers },
      )
      expect(seen).toEqual(['PATCH', headers, { a: 1 }])
    })

    test('reads a form', async () => {
      const form = {
        body: Buffer.from('a=1&b=%C3%A4'),
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      }
      expect(await seenBy(async (request) => Object.fromEntries(await request.formData()), form)).toEqual({
        a: '1',
        b: 'ä',
      })
    })

    test('decodes as fetch does: without a byte order mark, with U+FFFD for bytes that are not UTF-8', async () => {
      const body = Buffer.from([0xef, 0xbb, 0xbf, 0x61, 0xff, 0xe2, 0x82])
      expect(await seenBy((request) => request.text(), { body })).toBe('a\ufffd\ufffd')
    })

    test('has an empty body when there is none', async () => {
      const seen = await seenBy(
        async (request) => [request.body, await request.text(), await request.text(), request.bodyUsed],
        {},
      )
      expect(seen).toEqual([null, '', '', false])
    })

    test('drops the body of a GET, which fetch does not allow, and warns', async () => {
      let text: string | undefined
      const handler: HttpHandler = async (request) => {
        text = await request.text()
        return {}
      }
      const { lines } = await answerOf(handler, { method: 'GET', body: Buffer.from('x') })
      expect(text).toBe('')
      expect(lines.map(({ level, message }) => [level, message])).toEqual([
        ['warn', 'Discarding the body of the incoming GET request because GET and HEAD requests cannot have a body.'],
      ])
    })

    test('can be read once, and reports whether it was', async () => {
      const seen = await seenBy(async (request) => {
        const before = request.bodyUsed
        await request.text()
        const again = await request.json().catch((error: unknown) => error)
        return { before, after: request.bodyUsed, again }
      }, json)
      expect(seen).toMatchObject({
        before: false,
        after: true,
        again: { name: 'TypeError', message: /already been read/ },
      })
    })

    test('can be cloned before it is read, not after', async () => {
      const seen = await seenBy(
        async (request) => {
          const clone = request.clone()
          const texts = [await request.text(), await clone.text()]
          const late = caught(() => request.clone())
          return { texts, isRequest: clone instanceof HttpRequest, params: clone.params, query: [...clone.query], late }
        },
        { ...json, params: { id: '7' }, rawQuery: 'q=1', url: 'http://localhost/api?q=1' },
      )
      expect(seen).toMatchObject({
        texts: ['{"a":1}', '{"a":1}'],
        isRequest: true,
        params: { id: '7' },
        query: [['q', '1']],
      })
      expect(seen.late).toBeInstanceOf(TypeError)
    })

    test('reports the position of a JSON error as JSON.parse does', async () => {
      const error = await seenBy((request) => request.json().catch((error: unknown) => error), {
        body: Buffer.from('{"a"'),
      })
      expect(error).toBeInstanceOf(SyntaxError)
    })

    test('knows the user whom the platform signed in', async () => {
      const principal = { identityProvider: 'aad', userId: 'u1', userDetails: 'ada' }
      const headers = { 'x-ms-client-principal': Buffer.from(JSON.stringify(principal)).toString('base64') }
      expect(await seenBy((request) => request.user, { headers })).toMatchObject({ id: 'u1', username: 'ada' })
    })
  })

  describe('the context', () => {
    test('names the function and invocation and shows the bindings', async () => {
      const seen = await seenBy(
        (_, context) => ({
          isContext: context instanceof InvocationContext,
          functionName: context.functionName,
          invocationId: context.invocationId,
          retryContext: context.retryContext,
          triggerMetadata: context.triggerMetadata,
          options: context.options,
        }),
        {},
      )
      expect(seen).toMatchObject({
        isContext: true,
        functionName: 'probe',
        invocationId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        options: {
          trigger: { type: 'httpTrigger', direction: 'in', methods: ['GET', 'POST'], authLevel: 'anonymous' },
          return: { type: 'http', direction: 'out', name: '$return' },
          extraInputs: [],
          extraOutputs: [],
        },
      })
      expect([seen.retryContext, seen.triggerMetadata]).toEqual([undefined, undefined])
    })

    test('carries values by the name of a binding', async () => {
      const seen = await seenBy((_, { extraOutputs, extraInputs }) => {
        extraOutputs.set('out', 1)
        extraInputs.set('in', 2)
        return [extraOutputs.get('out'), extraInputs.get('in'), extraInputs.get('other')]
      }, {})
      expect(seen).toEqual([1, 2, undefined])
    })

    test('logs at each level with the invocation, and warns of lines that come too late', async () => {
      let late: InvocationContext | undefined
      const { lines } = await answerOf((_, context) => {
        late = context
        context.log('plain %d', 1, { a: 1 })
        context.trace('t')
        context.debug('d')
        context.info('i')
        context.warn('w')
        context.error('e')
        return {}
      })
      expect(lines.map(({ level, message }) => [level, message])).toEqual([
        ['info', 'plain 1 { a: 1 }'],
        ['trace', 't'],
        ['debug', 'd'],
        ['info', 'i'],
        ['warn', 'w'],
        ['error', 'e'],
      ])
      expect(lines[0]?.fields).toEqual({ category: 'user', function: 'probe', invocation: late?.invocationId })
      late?.log('late')
      expect(lines.slice(6).map(({ level, message }) => [level, message])).toEqual([
        ['warn', expect.stringMatching(/^Warning: Unexpected call to 'log'.*Function name: probe\. Invocation Id: /)],
        ['info', 'late'],
      ])
    })
  })

  describe('the answer', () => {
    const cases: Record<string, [result: () => unknown, expected: object]> = {
      JSON: [
        () => ({ jsonBody: { a: 'ä' } }),
        { status: 200, headers: { 'content-type': 'application/json' }, text: '{"a":"ä"}' },
      ],
      'JSON under a type of its own': [
        () => ({ status: 400, jsonBody: [], headers: { 'Content-Type': 'application/problem+json' } }),
        { status: 400, headers: { 'content-type': 'application/problem+json' }, text: '[]' },
      ],
      text: [
        () => ({ status: 201, body: 'hi' }),
        { status: 201, headers: { 'content-type': 'text/plain;charset=UTF-8' }, text: 'hi' },
      ],
      bytes: [() => ({ body: Buffer.from('hi') }), { status: 200, headers: {}, text: 'hi' }],
      'a part of a larger buffer': [
        () => ({ body: Buffer.from('ohio').subarray(1, 3) }),
        { status: 200, headers: {}, text: 'hi' },
      ],
      'an ArrayBuffer': [
        () => ({ body: new TextEncoder().encode('hi').buffer }),
        { status: 200, headers: {}, text: 'hi' },
      ],
      'a Node stream': [
        () => ({ body: Readable.from([Buffer.from('h'), Buffer.from('i')]) }),
        { status: 200, headers: {}, text: 'hi' },
      ],
      'an async iterable': [
        () => ({
          body: (async function* () {
            yield Buffer.from('h')
            yield Buffer.from('i')
          })(),
        }),
        { status: 200, headers: {}, text: 'hi' },
      ],
      URLSearchParams: [
        () => ({ body: new URLSearchParams({ a: '1' }) }),
        { status: 200, headers: { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' }, text: 'a=1' },
      ],
      'nothing at all': [() => undefined, { status: 204, headers: {}, text: '' }],
      'an empty object': [() => ({}), { status: 200, headers: {}, text: '' }],
      'a status without a body': [
        () => ({ status: 304, jsonBody: {}, headers: { etag: '"a"' } }),
        { status: 304, headers: { etag: '"a"' }, text: '' },
      ],
      'null as JSON is no JSON': [
        () => ({ jsonBody: null, body: 'b' }),
        { status: 200, headers: { 'content-type': 'text/plain;charset=UTF-8' }, text: 'b' },
      ],
      'what JSON cannot say': [
        () => ({ jsonBody: () => 1 }),
        { status: 200, headers: { 'content-type': 'application/json' }, text: '' },
      ],
      'an HttpResponse': [
        () => new HttpResponse({ status: 202, jsonBody: 1 }),
        { status: 202, headers: { 'content-type': 'application/json' }, text: '1' },
      ],
      'Headers and pairs': [
        () => ({
          headers: new Headers([
            ['X-A', '1'],
            ['x-a', '2'],
          ]),
        }),
        { status: 200, headers: { 'x-a': '1, 2' }, text: '' },
      ],
      'header values with blanks around them': [
        () => ({ headers: { 'x-a': '  1 ' } }),
        { status: 200, headers: { 'x-a': '1' }, text: '' },
      ],
      'headers that differ in case alone': [
        () => ({ headers: { 'X-A': '1', 'x-a': '2' } }),
        { status: 200, headers: { 'x-a': '1, 2' }, text: '' },
      ],
      'header values that are numbers': [
        () => ({ headers: { 'x-a': 7 } }),
        { status: 200, headers: { 'x-a': '7' }, text: '' },
      ],
      cookies: [
        () => ({
          cookies: [
            { name: 'a', value: 'x y', httpOnly: true, secure: true, sameSite: 'Lax', maxAge: 60 },
            { name: 'b', value: '2', path: '/p', domain: 'example.com', expires: new Date(0.5e12) },
          ],
        }),
        {
          status: 200,
          headers: {
            'set-cookie': [
              'a=x%20y; max-age=60; path=/; secure; samesite=lax; httponly',
              'b=2; expires=Tue, 05 Nov 1985 00:53:20 GMT; domain=example.com; path=/p',
            ],
          },
          text: '',
        },
      ],
    }
    for (const [name, [result, expected]] of Object.entries(cases)) {
      test(`can be ${name}`, async () => {
        const { answer } = await answerOf(() => result() as object)
        expect(answer).toEqual(expected)
      })
    }

    const refused: Record<string, () => unknown> = {
      'a string': () => 'text',
      'a status that is none': () => ({ status: 99 }),
      'a header value with a line break': () => ({ headers: { 'x-a': '1\r\nx-b: 2' } }),
      'a header name with a blank': () => ({ headers: { 'x a': '1' } }),
      'a circle': () => {
        const circle: { self?: unknown } = {}
        circle.self = circle
        return { jsonBody: circle }
      },
    }
    for (const [name, result] of Object.entries(refused)) {
      test(`cannot be ${name}`, async () => {
        await expect(answerOf(() => result() as object)).rejects.toThrow(Error)
      })
    }
  })

  describe('errors and hooks', () => {
    test('an error that the function throws is rethrown unchanged; undefined and null are not errors', async () => {
      const failure = new Error('broken')
      await expect(answerOf(() => Promise.reject(failure))).rejects.toBe(failure)
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- functions do such things
      await expect(answerOf(() => Promise.reject('text'))).rejects.toBe('text')
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- functions do such things
      expect((await answerOf(() => Promise.reject(undefined))).answer.status).toBe(204)
    })

    test('hooks run in order around the function and may replace its inputs, handler and outcome', async () => {
      const order: string[] = []
      const { app: functionApp, get } = loadApp(() => {
        app.hook.preInvocation((context) => {
          order.push('before 1')
          context.hookData['seen'] = context.invocationContext.functionName
        })
        app.hook.preInvocation(async (context) => {
          await Promise.resolve()
          order.push(`before 2 ${String(context.hookData['seen'])}`)
          context.inputs = ['input of a hook']
          const { invocationContext } = context
          invocationContext.triggerMetadata = { from: 'a hook' }
          invocationContext.options = { ...invocationContext.options }
          const handler = context.functionHandler
          context.functionHandler = (...inputs) => handler(...inputs)
        })
        app.hook.postInvocation((context) => {
          order.push(`after ${String(context.error)}`)
          context.error = undefined
          context.result = { status: 418 }
        })
        app.http('probe', {
          handler: (request, { triggerMetadata }) => {
            const input: unknown = request
            order.push(`function ${String(input)}, metadata from ${String(triggerMetadata?.['from'])}`)
            throw new Error('hidden by a hook')
          },
        })
      })
      const { status } = await createHttpInvocation(functionApp, path)(get('probe'), routed())
      expect(status).toBe(418)
      expect(order).toEqual([
        'before 1',
        'before 2 probe',
        'function input of a hook, metadata from a hook',
        'after Error: hidden by a hook',
      ])
    })

    test("a log hook sees every line and may change the user's lines", async () => {
      const {
        app: functionApp,
        get,
        lines,
      } = loadApp(() => {
        app.hook.log((context) => {
          context.message = `${context.category}: ${context.message} of ${context.invocationContext?.functionName}`
          context.level = 'warning'
        })
        app.http('probe', {
          handler: (_, context) => {
            context.log('hello')
            return {}
          },
        })
      })
      await createHttpInvocation(functionApp, path)(get('probe'), routed())
      expect(lines).toMatchObject([{ level: 'warn', message: 'user: hello of probe' }])
    })
  })

  describe('a batch of a Kafka trigger', () => {
    const record: LogRecord = {
      topic: '42',
      partition: 2,
      offset: 2 ** 32 + 7,
      timestamp: Date.UTC(2026, 0, 2, 3, 4, 5, 120),
      key: Buffer.from('00123'),
      value: Buffer.from('{"id":1}'),
      headers: [
        ['x-trace', Buffer.from('abc')],
        ['x-null', null],
      ],
    }
    const tombstone: LogRecord = { ...record, offset: 8, timestamp: 0, key: null, value: null, headers: [] }
    const event = {
      Offset: 4294967303,
      Partition: 2,
      Topic: '42',
      Timestamp: '2026-01-02T03:04:05.12Z',
      Value: '{"id":1}',
      LeaderEpoch: 0,
      IsPartitionEOF: false,
      Key: '00123',
      Headers: [
        { Key: 'x-trace', Value: 'YWJj' },
        { Key: 'x-null', Value: null },
      ],
    }

    async function seenByTrigger(records: readonly LogRecord[], many: boolean) {
      let seen: { events: unknown; context: InvocationContext } | undefined
      const { app: functionApp, get } = loadApp(() =>
        app.generic('consume', {
          trigger: { type: 'kafkaTrigger', name: 'events' },
          handler: (events: unknown, context) => {
            seen = { events, context }
          },
        }),
      )
      const retryContext = { retryCount: 1, maxRetryCount: 3, exception: { message: 'm', stackTrace: 's', source: '' } }
      await createKafkaInvocation(functionApp, path)(get('consume'), records, many, retryContext)
      expect(seen?.context.retryContext).toEqual(retryContext)
      return { events: seen?.events, metadata: seen?.context.triggerMetadata }
    }

    test('is an array of envelopes with the extension’s parallel arrays, quirks included', async () => {
      expect(await seenByTrigger([record, tombstone], true)).toEqual({
        events: [
          event,
          { ...event, Offset: 8, Timestamp: '1970-01-01T00:00:00Z', Key: null, Value: null, Headers: [] },
        ],
        metadata: {
          partitionArray: [2, 2],
          offsetArray: [
            { low: 7, high: 1, unsigned: false },
            { low: 8, high: 0, unsigned: false },
          ],
          timestampArray: ['2026-01-02T03:04:05.12Z', '1970-01-01T00:00:00Z'],
          topicArray: [42, 42],
          keyArray: ['00123', null],
          headersArray: [
            [
              { key: 'x-trace', value: 'YWJj' },
              { key: 'x-null', value: null },
            ],
            [],
          ],
          leaderEpochArray: [0, 0],
          isPartitionEOFArray: [false, false],
        },
      })
    })

    test('is a single envelope with cardinality ONE', async () => {
      const { events, metadata } = await seenByTrigger([{ ...record, key: Buffer.from('7') }], false)
      expect(events).toEqual({ ...event, Key: '7' })
      expect(metadata).toMatchObject({ key: 7, topic: 42, offset: 4294967303, partition: 2 })
      expect((await seenByTrigger([tombstone], false)).metadata).not.toHaveProperty('key')
    })

    test('loses bytes that are not UTF-8, as the extension does', async () => {
      const { events } = await seenByTrigger([{ ...record, value: Buffer.from([0x61, 0xff]) }], true)
      expect(events).toMatchObject([{ Value: 'a\ufffd' }])
    })
  })
}
