import { expect, test } from 'vitest'
import type { Parameters, Row } from '../../../../shared/adapters/mssql/database/connection.ts'
import type { Query } from '../../../../shared/adapters/mssql/database/query.ts'
import { createForgetting } from '../../../../shared/adapters/mssql/forgetting/forget-customer.ts'
import {
  FORGET,
  SELECT_ORDERS_OF_CUSTOMER,
  SELECT_PAYLOADS,
  SELECT_WORDS_OF_ORDERS,
} from '../../../../shared/adapters/mssql/forgetting/forget-customer-sql.ts'
import { SELECT_EVENTS } from '../../../../shared/adapters/mssql/forgetting/forgotten-customers-sql.ts'
import { createBatchCommands } from '../../../../shared/adapters/mssql/orders/store-batch.ts'
import { STORE_BATCH } from '../../../../shared/adapters/mssql/orders/store-batch-sql.ts'
import { newOrderJson } from '../../../../shared/domain/order-events.ts'
import { actAt, batchOf, orderAt } from '../../../contract/store-fixtures.ts'
import { orderCommand, testOrderIds } from '../../../support/orders/orders.ts'

/** Tests the parts of forgetting that need no server: which data is sent again, and how many times. */

const CUSTOMER = 48_213
const hers = orderAt(0, { order: { customerId: CUSTOMER, customerName: 'Zelda' } })
const other = orderAt(1)
const changeId = testOrderIds.nextChange(hers.orderId, Date.parse(hers.acceptedAt))
const waiting = { order_id: hers.orderId.toUpperCase(), change_id: changeId.toUpperCase(), state: 'waiting' }
const event = JSON.stringify({ kind: 'amend', amendment: { customerName: 'Zelda' } })

/** A server that gives a batch back without storing it, `timesGivenBack` times. */
function fakeStore(timesGivenBack: number) {
  const sent: string[] = []
  const batches: string[] = []
  let left = timesGivenBack
  const query: Query = async (statement: string, parameters: Parameters = {}): Promise<Row[][]> => {
    sent.push(statement === STORE_BATCH ? 'store' : 'look for changes')
    if (statement === SELECT_EVENTS) return [[{ ...waiting, event }]]
    expect(statement).toBe(STORE_BATCH)
    batches.push(String(parameters['batch']?.value))
    if (left-- > 0) return [[{ forgotten_order: hers.orderId.toUpperCase() }]]
    return [[0, 1].map((i) => ({ i, outcome: 'stored' })), []]
  }
  return { sent, batches, store: () => createBatchCommands(query).storeBatch(batchOf([hers, other])) }
}

test('a batch without forgotten customers is one round trip', async () => {
  const { sent, store } = fakeStore(0)
  await store()
  expect(sent).toEqual(['store'])
})

test('a batch with a forgotten customer is sent again without the data of that customer alone', async () => {
  const { sent, batches, store } = fakeStore(1)
  expect((await store()).outcomes).toEqual([{ kind: 'stored' }, { kind: 'stored' }])
  expect(sent).toEqual(['store', 'look for changes', 'store'])
  const { orders, words, storedChanges, storedEvents } = JSON.parse(batches[1] ?? '') as Record<string, unknown[]>
  expect(orders).toMatchObject([
    { customerName: '-', forgotten: true, bodyHash: hers.bodyHash },
    { customerName: other.order.customerName },
  ])
  expect(orders?.[1]).not.toHaveProperty('forgotten')
  expect(words).not.toContainEqual([0, 'zelda', 1])
  expect([storedChanges, storedEvents]).toEqual([
    [[0, changeId]],
    [{ kind: 'amend', amendment: { customerName: '-' }, forgotten: true }],
  ])
  expect(batches[1]).not.toMatch(/zelda/i)
})

test('a change that is found twice is sent once', async () => {
  const { batches, store } = fakeStore(2)
  await store()
  expect((JSON.parse(batches[2] ?? '') as { storedChanges: unknown }).storedChanges).toEqual([[0, changeId]])
})

test('a batch that is given back every time is rejected with store-busy', async () => {
  const { store } = fakeStore(Infinity)
  await expect(store()).rejects.toMatchObject({ code: 'store-busy', retriable: true })
})

/**
 * A server with one dead letter, whose payload is an order of the customer. The server refuses FORGET `timesUnknown`
 * times because of data that the caller has not read.
 */
function fakeForgetting(timesUnknown: number) {
  const value = Buffer.from(newOrderJson(orderCommand({ customerId: CUSTOMER })))
  const looked: unknown[] = []
  let left = timesUnknown
  const query: Query = async (statement: string, parameters: Parameters = {}): Promise<Row[][]> => {
    if (statement === SELECT_PAYLOADS) {
      looked.push(parameters['after']?.value)
      const row = { kept_seq: '7', order_id: null, record_value: value, edited_value: null }
      return [parameters['after']?.value === 0 ? [row] : []]
    }
    if (statement !== FORGET) return [[], []]
    return [[{ is_rebuilding: false, is_reindexing: false, is_known: left-- <= 0 }]]
  }
  return { looked, forget: () => createForgetting(query).forget(CUSTOMER, actAt(1)) }
}

test('letters that were looked at once are not read again', async () => {
  const { looked, forget } = fakeForgetting(2)
  await forget()
  expect(looked).toEqual([0, 7, 7])
})

test('the words are read before the last search, and again only if an order has changed since', async () => {
  const sent: string[] = []
  const seen: unknown[] = []
  const versions = [1, 2, 2, 2]
  const names = new Map([
    [SELECT_PAYLOADS, 'letters'],
    [SELECT_ORDERS_OF_CUSTOMER, 'orders'],
    [SELECT_WORDS_OF_ORDERS, 'words'],
    [FORGET, 'forget'],
  ])
  let timesUnknown = 1
  const query: Query = async (statement: string, parameters: Parameters = {}): Promise<Row[][]> => {
    const name = names.get(statement)
    if (name !== undefined) sent.push(name)
    if (name === 'orders') {
      const version = versions.shift()
      return [[{ seq: '3', order_id: hers.orderId.toUpperCase(), version, forgotten: null }], [], []]
    }
    if (name === 'words') return [[], [{ order_seq: '3', word: 'zelda', in_name: true }]]
    if (name !== 'forget') return [[], []]
    const { orders, gone } = JSON.parse(String(parameters['batch']?.value)) as Record<string, unknown>
    seen.push({ orders, gone })
    return [[{ is_rebuilding: false, is_reindexing: false, is_known: timesUnknown-- <= 0 }]]
  }
  expect(await createForgetting(query).forget(CUSTOMER, actAt(1))).toMatchObject({ orders: 1 })
  const search = ['letters', 'orders']
  expect(sent).toEqual([...search, 'words', ...search, 'words', ...search, 'forget', ...search, 'forget'])
  const written = { orders: [['3', 2]], gone: [['3', 'zelda']] }
  expect(seen).toEqual([written, written])
})

test('a store that keeps receiving data about the customer rejects with store-busy', async () => {
  await expect(fakeForgetting(Infinity).forget()).rejects.toMatchObject({ code: 'store-busy', retriable: true })
})
