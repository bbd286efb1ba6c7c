// An order's journey with openapi-fetch and the types of openapi-typescript. Arguments: the product's URL and key.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import createClient from 'openapi-fetch'
import type { components, paths } from './openapi-typescript/types.js'

type OrderCommand = components['schemas']['OrderCommand']
type Problem = components['schemas']['Problem']

const ISSUED_NEVER = '01990000-0000-7000-8000-000000000000'
const CUSTOMER = 3_000_000_000
const [baseUrl = '', key = ''] = process.argv.slice(2)

const anonymous = createClient<paths>({ baseUrl })
const operator = createClient<paths>({ baseUrl, headers: { 'x-functions-key': key } })

function order(totalPrice: number): OrderCommand {
  const command = JSON.parse(readFileSync('order.json', 'utf8')) as OrderCommand
  return { ...command, customerId: CUSTOMER, totalPrice }
}

async function dataOf<T>(call: Promise<{ data?: T; error?: Problem }>): Promise<T> {
  const { data, error } = await call
  assert(data !== undefined, error?.detail ?? 'no data')
  return data
}

async function problemOf(call: Promise<{ error?: Problem }>): Promise<Problem> {
  const { error } = await call
  assert(error !== undefined)
  return error
}

// An order is placed with `Prefer: wait`, and then placed again with the same key.
const large = { body: order(1234567.89) }
const idempotencyKey = { 'Idempotency-Key': randomUUID() }
const stored = await dataOf(
  anonymous.POST('/api/orders', { ...large, params: { header: { ...idempotencyKey, Prefer: 'wait=30' } } }),
)
assert.deepEqual(
  [stored.status, stored.customerId, stored.totalPrice, stored.currencyType],
  ['stored', CUSTOMER, 1234567.89, 'EUR'],
)
const repeated = await dataOf(anonymous.POST('/api/orders', { ...large, params: { header: idempotencyKey } }))
assert.equal(repeated.orderId, stored.orderId)

// This order is placed without waiting; the query then waits until the order is stored.
const { orderId } = await dataOf(anonymous.POST('/api/orders', { body: order(187.35) }))
const found = await dataOf(
  anonymous.GET('/api/orders/{orderId}', { params: { path: { orderId }, header: { Prefer: 'wait=30' } } }),
)
assert.deepEqual([found.status, found.totalPrice, found.orderItems?.[0]?.price], ['stored', 187.35, 119.9])

// Both orders are in the list, which is read a page at a time.
const listed: string[] = []
for (let cursor: string | null | undefined; cursor !== null;) {
  const query: NonNullable<paths['/api/orders']['get']['parameters']['query']> = { customerId: CUSTOMER, limit: 2 }
  if (cursor !== undefined) query.cursor = cursor
  const page: components['schemas']['OrderPage'] = await dataOf(anonymous.GET('/api/orders', { params: { query } }))
  listed.push(...page.items.map((one) => one.orderId))
  cursor = page.nextCursor
}
assert(listed.includes(stored.orderId) && listed.includes(orderId))

const history = await dataOf(
  anonymous.GET('/api/orders/{orderId}/history', { params: { path: { orderId: stored.orderId } } }),
)
assert.deepEqual(
  history.items.map(({ kind }) => kind),
  ['accepted', 'stored'],
)
assert.equal(history.nextCursor, null)

// Errors come back as problem documents.
const missing = await problemOf(anonymous.GET('/api/orders/{orderId}', { params: { path: { orderId: ISSUED_NEVER } } }))
assert.deepEqual([missing.status, missing.type], [404, '/docs/errors#order-not-found'])
const refused = await problemOf(anonymous.POST('/api/orders', { body: order(0.00001) }))
assert.deepEqual([refused.status, refused.errors?.[0]?.pointer], [400, '/totalPrice'])
assert(refused.requestId)
assert.equal((await problemOf(anonymous.GET('/api/dead-letters'))).status, 401)

// A dead letter can be read as part of the list, on its own, and as a file.
const [summary] = (await dataOf(operator.GET('/api/dead-letters', { params: { query: { limit: 1 } } }))).items
assert(summary !== undefined)
const path = { id: summary.id }
const letter = await dataOf(operator.GET('/api/dead-letters/{id}', { params: { path } }))
assert(Math.abs(letter.recordTimestamp - Date.now()) < 86_400_000)
const { record } = await dataOf(operator.GET('/api/dead-letters/{id}/fixture', { params: { path } }))
assert.equal(`${record.topic}:${record.partition}:${record.offset}`, letter.id)
assert.equal(record.timestamp, letter.recordTimestamp)
assert.equal(record.value, letter.value?.base64)
assert.deepEqual(
  record.headers.map(([name]) => name),
  letter.headers.map(({ name }) => name),
)
