import { Readable } from 'node:stream'
import { HttpResponse } from '@azure/functions'
import { describe, expect, test } from 'vitest'
import type { InvocationPath } from '../../../infra/host/http/http-invocation.ts'
import { answerOf } from './invocation-steps.ts'

/** What every invocation path guarantees about the values that a handler may return. */
export function answerContract(path: InvocationPath): void {
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
        const { answer } = await answerOf(path, () => result() as object)
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
        await expect(answerOf(path, () => result() as object)).rejects.toThrow(Error)
      })
    }
  })
}
