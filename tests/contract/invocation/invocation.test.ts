import { app } from '@azure/functions'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createHttpInvocation } from '../../../infra/host/http/http-invocation.ts'
import { loadApp, routed } from '../../support/functions/function-host.ts'
import { answerContract } from './answer.contract.ts'
import { contextContract } from './context.contract.ts'
import { hooksContract } from './hooks.contract.ts'
import { kafkaBatchContract } from './kafka-batch.contract.ts'
import { requestContract } from './request.contract.ts'

describe.each(['official', 'lean'] as const)('%s invocation', (path) => {
  requestContract(path)
  contextContract(path)
  answerContract(path)
  hooksContract(path)
  kafkaBatchContract(path)
})

describe('both ways', () => {
  test('any method, body, query and header looks the same, and so does any answer built from them', async () => {
    const { app: functionApp, get } = await loadApp(() =>
      app.http('echo', {
        methods: ['POST', 'PATCH'],
        handler: async (request) => ({
          status: 202,
          jsonBody: {
            method: request.method,
            text: await request.text(),
            query: [...request.query],
            headers: [...request.headers],
            url: request.url,
          },
          headers: { 'X-Echo': request.headers.get('x-in') ?? '' },
        }),
      }),
    )
    const word = fc.string({
      unit: fc.constantFrom('a', 'b', 'C', 'Ä', 'ß', ' ', '%', '&', '=', '+', '?', ':'),
      maxLength: 8,
    })
    const request = fc.record({
      method: fc.constantFrom('POST', 'PATCH'),
      body: fc.option(fc.uint8Array({ minLength: 1, maxLength: 40 }), { nil: undefined }),
      rawQuery: fc.array(fc.tuple(word, word), { maxLength: 4 }).map((pairs) => new URLSearchParams(pairs).toString()),
      header: fc.string({ unit: fc.constantFrom('a', 'b', 'C', ' ', ',', ';', '"', '\u00e4'), maxLength: 10 }),
    })
    await fc.assert(
      fc.asyncProperty(request, async ({ method, body, rawQuery, header }) => {
        const asked = routed({
          method,
          body,
          rawQuery,
          url: `http://localhost/api?${rawQuery}`,
          headers: { 'x-in': header },
        })
        const [lean, official] = await Promise.all(
          (['lean', 'official'] as const).map((path) => createHttpInvocation(functionApp, path)(get('echo'), asked)),
        )
        expect(comparable(lean)).toEqual(comparable(official))
      }),
      { numRuns: 200 },
    )
  })
})

function comparable(answer: Awaited<ReturnType<ReturnType<typeof createHttpInvocation>>> | undefined) {
  return { ...answer, body: Buffer.from(answer?.body as Uint8Array).toString() }
}
