import { HttpRequest, InvocationContext, type HttpHandler } from '@azure/functions'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newOrderCommandSchema } from '../../../shared/domain/order-commands.ts'
import { page, revalidated } from '../../../shared/http/protocol/answer.ts'
import { actBody, readActBody, requiredReasonBody } from '../../../shared/http/acts.ts'
import { deadLetterGroupQuery, deadLetterQuery, toLetterFilter } from '../../../shared/http/dead-letters.ts'
import { listQuery, orderIdIn, pendingHeaders, searchQuery, unseenOrder } from '../../../shared/http/orders.ts'
import { redriveBody } from '../../../shared/http/redrives.ts'
import { endpoint, type Handler } from '../../../shared/http/protocol/endpoint.ts'
import { placeOrder } from '../../../shared/http/place-order.ts'
import { waitSeconds } from '../../../shared/http/protocol/preferences.ts'
import { PROBLEMS, type ProblemCode } from '../../../shared/http/protocol/problem.ts'
import { readQuery } from '../../../shared/http/protocol/query.ts'
import { ORIGINAL_BODY, testOrderIds } from '../../support/orders/orders.ts'

const RUNS = { numRuns: 400 }
const accepted = { orderId: testOrderIds.next(0), acceptedAt: '2026-01-01T00:00:00.000Z' }
const nothing = { items: [], nextCursor: null }

/** Wraps a handler as every HTTP function does. The use cases behind it do nothing. A 500 fails the test. */
const edge = (handler: Handler): HttpHandler =>
  endpoint(handler, {
    fault: async (error) => {
      throw error
    },
    refusal: async () => undefined,
  })

const post = edge((request) =>
  placeOrder(request, {
    placeOrder: async () => accepted,
    waitForOrder: async () => undefined,
    views: { archivedAt: async () => undefined },
  }),
)
const lists = [listQuery, searchQuery, deadLetterQuery, deadLetterGroupQuery].map((schema) =>
  edge(async (request) => {
    readQuery(request.query, schema)
    return page(request, nothing)
  }),
)
const get = edge(async (request) => {
  waitSeconds(request)
  const view = unseenOrder(orderIdIn(request), testOrderIds)
  return revalidated(request, view, pendingHeaders(view))
})
const acts = [actBody, requiredReasonBody].map((schema) =>
  edge(async (request) => {
    await readActBody(request, schema)
    return { status: 200 }
  }),
)
const redrive = edge(async (request) => {
  toLetterFilter(await readActBody(request, redriveBody))
  return { status: 202 }
})

interface Asked {
  readonly method?: string
  readonly search?: string
  readonly params?: Record<string, string>
  readonly headers?: Record<string, string>
  readonly body?: Uint8Array
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

async function ask(
  handler: HttpHandler,
  { method = 'GET', search = '', params = {}, headers = {}, body }: Asked,
): Promise<Answer> {
  const request = new HttpRequest({
    method,
    url: `http://localhost/api/orders${search}`,
    params,
    query: Object.fromEntries(new URLSearchParams(search)),
    headers,
    ...(body !== undefined && { body: { bytes: body } }),
  })
  const answer = await handler(request, new InvocationContext({ functionName: 'fuzz' }))
  const {
    status = 200,
    headers: sent,
    body: text,
  } = answer as { status?: number; headers?: Record<string, string>; body?: string }
  return { status, type: sent?.['content-type'] ?? '', body: text ?? '' }
}

interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[]
}

function problemIn({ status, body }: Answer): Problem | undefined {
  return status < 400 ? undefined : (JSON.parse(body) as Problem)
}

/** Lists the faults of a response's problem document. */
function faultsOf(answer: Answer): string[] {
  const problem = problemIn(answer)
  if (problem === undefined) return []
  const { status, type, body } = answer
  const code = problem.type.replace('/docs/errors#', '') as ProblemCode
  const kind = PROBLEMS[code]
  const errors = problem.errors ?? []
  const points = code === 'invalid-order' || code === 'invalid-request'
  return [
    ...(status >= 500 ? [`the status ${status}`] : []),
    ...(type === 'application/problem+json' ? [] : [`the type ${type}`]),
    ...(kind.status === status && problem.status === status ? [] : [`not the status of ${code}`]),
    ...(kind.title === problem.title ? [] : [`not the title of ${code}`]),
    ...([problem, ...errors].some(({ detail }) => detail === '') ? ['a detail that is empty'] : []),
    ...(errors.length > 0 === points ? [] : [`${errors.length} pointers with ${code}`]),
    ...(body.length > 20_000 ? [`${body.length} bytes`] : []),
  ]
}

/** Whether a pointer's parent is an object or array: the member itself may be missing. */
function leadsSomewhere(value: unknown, pointer: string): boolean {
  const parents = pointer.split('/').slice(1, -1)
  let found = value
  for (const part of parents) {
    if (typeof found !== 'object' || found === null) return false
    found = (found as Record<string, unknown>)[part.replaceAll('~1', '/').replaceAll('~0', '~')]
  }
  return pointer === '' || (typeof found === 'object' && found !== null)
}

const utf8 = (text: string): Uint8Array => Buffer.from(text)
const headerText = fc.string({
  unit: fc
    .integer({ min: 0x20, max: 0xff })
    .filter((code) => code < 0x7f || code > 0x9f)
    .map((code) => String.fromCharCode(code)),
})
const headers = fc.record(
  {
    'content-type': fc.oneof(
      fc.constantFrom('application/json', 'application/json; charset=utf-8', 'application/a+json', 'text/plain'),
      headerText,
    ),
    'content-length': fc.oneof(fc.nat().map(String), headerText),
    'idempotency-key': fc.oneof(fc.constantFrom('"a"', 'a', '"a", "b"', '""'), headerText),
    prefer: fc.oneof(
      fc.nat().map((seconds) => `wait=${seconds}`),
      headerText,
    ),
    traceparent: headerText,
    'if-none-match': fc.oneof(fc.constantFrom('*', '"a", W/"b"'), headerText),
  },
  { requiredKeys: [] },
)

/** Nearly valid orders: one member of the order or of its item is changed, missing, or added. */
const strange = fc.oneof(
  fc.jsonValue(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string({ unit: 'binary' }),
)
const nearlyAnOrder = fc
  .tuple(
    fc.constantFrom(...Object.keys(ORIGINAL_BODY), 'note'),
    fc.constantFrom(...Object.keys(ORIGINAL_BODY.orderItems[0] ?? {})),
    fc.option(strange, { nil: undefined }),
    fc.boolean(),
  )
  .map(([member, itemMember, value, inItem]) =>
    inItem
      ? { ...ORIGINAL_BODY, orderItems: [{ ...ORIGINAL_BODY.orderItems[0], [itemMember]: value }] }
      : { ...ORIGINAL_BODY, [member]: value },
  )

const body = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.string({ unit: 'binary' }).map(utf8),
  fc.json().map(utf8),
  nearlyAnOrder.map((order) => utf8(JSON.stringify(order))),
)
const search = fc
  .array(
    fc.tuple(
      fc.oneof(
        fc.constantFrom('limit', 'cursor', 'customerId', 'status', 'currency', 'from', 'to', 'q', 'cause', 'code'),
        fc.string(),
      ),
      fc.oneof(
        fc.constantFrom('0', '1', '201', '-1', 'stored', 'EUR', '2026-01-31T12:00:00Z', '2026-02-31T00:00:00Z'),
        fc.string({ unit: 'binary' }),
      ),
    ),
    { maxLength: 6 },
  )
  .map((pairs) => `?${new URLSearchParams(pairs).toString()}`)

describe('arbitrary input', () => {
  it('as an order is accepted or answered with a client error', async () => {
    await fc.assert(
      fc.asyncProperty(headers, body, async (sent, bytes) => {
        expect(faultsOf(await ask(post, { method: 'POST', headers: sent, body: bytes }))).toEqual([])
      }),
      RUNS,
    )
  })

  it('similar to an order is answered with pointers to the faults', async () => {
    await fc.assert(
      fc.asyncProperty(nearlyAnOrder, async (order) => {
        const json = JSON.stringify(order)
        const answer = await ask(post, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: utf8(json),
        })
        const pointers = problemIn(answer)?.errors?.map(({ pointer }) => pointer) ?? []
        expect(pointers.filter((pointer) => !leadsSomewhere(JSON.parse(json), pointer))).toEqual([])
        expect(answer.status === 202).toBe(newOrderCommandSchema.safeParse(JSON.parse(json)).success)
      }),
      RUNS,
    )
  })

  it('as a query is answered with a list or a client error', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...lists), search, headers, async (list, asked, sent) => {
        expect(faultsOf(await ask(list, { search: asked, headers: sent }))).toEqual([])
      }),
      RUNS,
    )
  })

  it('as an order id is answered with its status or a client error', async () => {
    const ids = fc.oneof(fc.constant(accepted.orderId), fc.uuid(), fc.string({ unit: 'binary' }))
    await fc.assert(
      fc.asyncProperty(ids, headers, async (orderId, sent) => {
        const answer = await ask(get, { params: { orderId }, headers: sent })
        expect(faultsOf(answer)).toEqual([])
        expect([200, 304].includes(answer.status)).toBe(orderId === accepted.orderId)
      }),
      RUNS,
    )
  })

  it('as an operator’s action is accepted or answered with a client error', async () => {
    const about = fc.oneof(
      body,
      fc
        .record({ reason: strange, ids: strange, all: strange, from: strange }, { requiredKeys: [] })
        .map((value) => utf8(JSON.stringify(value))),
    )
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...acts, redrive), headers, about, async (act, sent, bytes) => {
        expect(faultsOf(await ask(act, { method: 'POST', headers: sent, body: bytes }))).toEqual([])
      }),
      RUNS,
    )
  })
})
