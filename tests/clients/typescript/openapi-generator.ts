// An order's journey with openapi-generator's client for fetch. Arguments: the product's URL and key.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import {
  Configuration,
  DeadLettersApi,
  OrderCommandFromJSON,
  OrdersApi,
  ProblemFromJSON,
  ResponseError,
  type OrderCommand,
  type Problem,
} from './openapi-generator/index.js'

const ISSUED_NEVER = '01990000-0000-7000-8000-000000000000'
const CUSTOMER = 3_000_000_000
const [basePath = '', key = ''] = process.argv.slice(2)

const anonymous = new Configuration({ basePath })
const orders = new OrdersApi(anonymous)
const deadLetters = new DeadLettersApi(new Configuration({ basePath, apiKey: key }))

function order(totalPrice: number): OrderCommand {
  const command = OrderCommandFromJSON(JSON.parse(readFileSync('order.json', 'utf8')))
  return { ...command, customerId: CUSTOMER, totalPrice }
}

/** The problem document that a failed call returned, parsed as the API document describes it. */
async function problemOf(call: Promise<unknown>): Promise<Problem> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert(error instanceof ResponseError)
  return ProblemFromJSON(await error.response.json())
}

// Places an order and waits until it is stored, and then places it again with the same key.
const large = { orderCommand: order(1234567.89), idempotencyKey: randomUUID() }
const stored = await orders.placeOrder({ ...large, prefer: 'wait=30' })
assert.deepEqual(
  [stored.status, stored.customerId, stored.totalPrice, stored.currencyType],
  ['stored', CUSTOMER, 1234567.89, 'EUR'],
)
assert.equal((await orders.placeOrder(large)).orderId, stored.orderId)

// The request that places the order does not wait until the order is stored. The request that reads it does.
const placed = await orders.placeOrder({ orderCommand: order(187.35) })
const found = await orders.getOrder({ orderId: placed.orderId, prefer: 'wait=30' })
assert.deepEqual([found.status, found.totalPrice, found.orderItems?.[0]?.price], ['stored', 187.35, 119.9])

// Both orders are in the list, which is read a page at a time.
const listed: string[] = []
for (let cursor: string | null | undefined; cursor !== null;) {
  const page = await orders.listOrders({ customerId: CUSTOMER, limit: 2, cursor })
  listed.push(...page.items.map(({ orderId }) => orderId))
  cursor = page.nextCursor
}
assert(listed.includes(stored.orderId) && listed.includes(placed.orderId))

const history = await orders.orderHistory({ orderId: stored.orderId })
assert.deepEqual(
  history.items.map(({ kind }) => kind),
  ['accepted', 'stored'],
)
assert.equal(history.nextCursor, null)

// Errors come back as problem documents.
const missing = await problemOf(orders.getOrder({ orderId: ISSUED_NEVER }))
assert.deepEqual([missing.status, missing.type], [404, '/docs/errors#order-not-found'])
const refused = await problemOf(orders.placeOrder({ orderCommand: order(0.00001) }))
assert.deepEqual([refused.status, refused.errors?.[0]?.pointer], [400, '/totalPrice'])
assert(refused.requestId)
assert.equal((await problemOf(new DeadLettersApi(anonymous).listDeadLetters())).status, 401)

// Reads a dead letter in the list, on its own, and as a file.
const [summary] = (await deadLetters.listDeadLetters({ limit: 1 })).items
assert(summary !== undefined)
const letter = await deadLetters.getDeadLetter({ id: summary.id })
assert(Math.abs(letter.recordTimestamp - Date.now()) < 86_400_000)
const { record } = await deadLetters.deadLetterFixture({ id: summary.id })
assert.equal(`${record.topic}:${record.partition}:${record.offset}`, letter.id)
assert.equal(record.timestamp, letter.recordTimestamp)
assert.equal(record.value, letter.value?.base64)
assert.deepEqual(
  record.headers.map(([name]) => name),
  letter.headers.map(({ name }) => name),
)
