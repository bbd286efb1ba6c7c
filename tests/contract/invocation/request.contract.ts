import { inspect } from 'node:util'
import { HttpRequest, type HttpHandler } from '@azure/functions'
import { describe, expect, test } from 'vitest'
import type { InvocationPath } from '../../../infra/host/http/http-invocation.ts'
import { answerOf, seenBy } from './invocation-steps.ts'

function caught(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return error
  }
}

/** What every invocation path guarantees about the request that a handler gets. */
export function requestContract(path: InvocationPath): void {
  const json = { body: Buffer.from('{"a":1}'), headers: { 'content-type': 'application/json' } }

  describe('the request', () => {
    test('is an HttpRequest with method, URL, headers, query and parameters', async () => {
      const seen = await seenBy(
        path,
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

    test('finds headers by name in any case, but not names that only the prototype of an object has', async () => {
      const seen = await seenBy(
        path,
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
        path,
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
      expect(await seenBy(path, (request) => request.text(), json)).toBe('{"a":1}')
      expect(await seenBy(path, (request) => request.json(), json)).toEqual({ a: 1 })
      expect(Buffer.from(await seenBy(path, (request) => request.arrayBuffer(), json)).toString()).toBe('{"a":1}')
      const blob = await seenBy(path, (request) => request.blob(), json)
      expect([await blob.text(), blob.type]).toEqual(['{"a":1}', 'application/json'])
      const streamed = await seenBy(path, async ({ body }) => new Response(body).text(), json)
      expect(streamed).toBe('{"a":1}')
    })

    test.each([
      ['memory of its own', new TextEncoder().encode('{"a":1}')],
      ['a part of larger memory', new TextEncoder().encode('[{"a":1}]').subarray(1, 8)],
    ])('returns the bytes of a body in %s, which the function may transfer', async (_, body) => {
      const seen = await seenBy(
        path,
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

    test('gives each request that has no body its own memory', async () => {
      const given = await seenBy(
        path,
        async (request) => {
          const bytes = await request.arrayBuffer()
          return structuredClone(bytes, { transfer: [bytes] }).byteLength
        },
        {},
      )
      expect([given, await seenBy(path, (request) => request.text(), {})]).toEqual([0, ''])
    })

    test('can be a PATCH with its body, media type and precondition', async () => {
      const headers = { 'content-type': 'application/merge-patch+json', 'if-match': '"1-a"' }
      const seen = await seenBy(
        path,
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
      expect(await seenBy(path, async (request) => Object.fromEntries(await request.formData()), form)).toEqual({
        a: '1',
        b: 'ä',
      })
    })

    test('decodes as fetch does: without a byte order mark, with U+FFFD for bytes that are not UTF-8', async () => {
      const body = Buffer.from([0xef, 0xbb, 0xbf, 0x61, 0xff, 0xe2, 0x82])
      expect(await seenBy(path, (request) => request.text(), { body })).toBe('a\ufffd\ufffd')
    })

    test('has an empty body when there is none', async () => {
      const seen = await seenBy(
        path,
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
      const { lines } = await answerOf(path, handler, { method: 'GET', body: Buffer.from('x') })
      expect(text).toBe('')
      expect(lines.map(({ level, message }) => [level, message])).toEqual([
        ['warn', 'Discarding the body of the incoming GET request because GET and HEAD requests cannot have a body.'],
      ])
    })

    test('can be read once, and reports whether it was', async () => {
      const seen = await seenBy(
        path,
        async (request) => {
          const before = request.bodyUsed
          await request.text()
          const again = await request.json().catch((error: unknown) => error)
          return { before, after: request.bodyUsed, again }
        },
        json,
      )
      expect(seen).toMatchObject({
        before: false,
        after: true,
        again: { name: 'TypeError', message: /already been read/ },
      })
    })

    test('can be cloned before it is read, not after', async () => {
      const seen = await seenBy(
        path,
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
      const error = await seenBy(path, (request) => request.json().catch((error: unknown) => error), {
        body: Buffer.from('{"a"'),
      })
      expect(error).toBeInstanceOf(SyntaxError)
    })

    test('knows the user whom the platform signed in', async () => {
      const principal = { identityProvider: 'aad', userId: 'u1', userDetails: 'ada' }
      const headers = { 'x-ms-client-principal': Buffer.from(JSON.stringify(principal)).toString('base64') }
      expect(await seenBy(path, (request) => request.user, { headers })).toMatchObject({ id: 'u1', username: 'ada' })
    })
  })
}
