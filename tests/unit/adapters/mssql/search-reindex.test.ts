import { expect, test, vi } from 'vitest'
import type { Parameters, Row } from '../../../../shared/adapters/mssql/database/connection.ts'
import { reindex } from '../../../../shared/adapters/mssql/search/search-reindex.ts'
import {
  ADD_TO_ORDERS,
  ADD_TO_STATES,
  END_REINDEX,
  REPEAT_REINDEX,
  SELECT_LACKING,
} from '../../../../shared/adapters/mssql/search/search-reindex-sql.ts'
import { orderAt } from '../../../contract/store-fixtures.ts'

const [item] = orderAt(0).order.orderItems
const order = orderAt(0, { order: { customerName: 'Łukasz', orderItems: [{ ...item!, itemCode: 'TRK-2041' }] } })
const STATE: Row = { seq: '7', order_id: order.orderId.toUpperCase(), order_json: JSON.stringify(order.order) }
const UNREADABLE: Row = { seq: '9', order_id: order.orderId, order_json: null }
const STORED: Row = {
  seq: '3',
  order_id: order.orderId.toUpperCase(),
  customer_name: 'Łukasz',
  customer_last_name: 'Example',
  customer_email: 'alex@example.com',
}
const ITEM: Row = { order_seq: '3', item_code: 'TRK-2041', brand: 'Brand', type: 'Shirt', size: 'M', colour: 'Blue' }
const PAUSES = { stepMs: 1, waitMs: 1 }

/** A server that returns these results, one for each query. */
function server(looks: readonly (readonly (readonly Row[])[] | Error)[]) {
  const left = [...looks]
  const sent: { statement: string; parameters: Parameters }[] = []
  const query = (statement: string, parameters: Parameters = {}) => {
    if (statement !== SELECT_LACKING) sent.push({ statement, parameters })
    const answer = statement === SELECT_LACKING ? left.shift() : [[{ is_mine: true }]]
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer ?? [[]])
  }
  return { query, sent, left }
}

const progress = (state: string, seq: string, mayEnd = false, isLastTime = false): Row => ({
  last_state_seq: state,
  last_seq: seq,
  may_end: mayEnd,
  is_last_time: isLastTime,
})
const valuesOf = (parameters: Parameters) =>
  Object.fromEntries(Object.entries(parameters).map(([name, { value }]) => [name, value]))

test('states first, then orders; both get every word, and the end waits for instances of the earlier version', async () => {
  const { query, sent, left } = server([
    [[progress('0', '0')], [STATE, UNREADABLE], [STORED], [ITEM]],
    [[progress('9', '0')], [], [STORED], [ITEM]],
    [[progress('9', '3')], [], [], []],
    [[progress('9', '3', true, true)], [], [], []],
  ])
  const onWarning = vi.fn<(message: string) => void>()
  await reindex({ query, signal: new AbortController().signal, onWarning, pauses: PAUSES })
  expect(sent.map(({ statement }) => statement)).toEqual([ADD_TO_STATES, ADD_TO_ORDERS, END_REINDEX])
  expect(left, 'looks that were not made').toEqual([])
  const [states, orders, end] = sent.map(({ parameters }) => valuesOf(parameters))
  expect(states).toMatchObject({ after: 0, last: 9 })
  expect(orders).toMatchObject({ after: 0, last: 3 })
  expect(end).toEqual({ lastState: 9, last: 3 })
  const wordsOf = (text: unknown) => new Set((JSON.parse(String(text)) as unknown[]).map((row) => JSON.stringify(row)))
  const id = `¤i${order.orderId.slice(-12)}`
  const words = ['2041', 'alex', 'blue', 'brand', 'com', 'm', 'shirt', 'trk', id].map((word) => [word, 0] as const)
  const all = (seq: string) =>
    [...words, ['lukasz', 1] as const, ['example', 1] as const].map(([word, inName]) =>
      JSON.stringify([seq, word, inName]),
    )
  expect(wordsOf(states?.['words'])).toEqual(new Set(all('7')))
  expect(wordsOf(orders?.['words'])).toEqual(new Set(all('3')))
  expect(onWarning).not.toHaveBeenCalled()
})

test('it makes a second pass when no instance of the earlier version can be left', async () => {
  const { query, sent } = server([
    [[progress('9', '3')], [], [], []],
    [[progress('9', '3', true)], [], [], []],
    [[progress('0', '0', true, true)], [], [STORED], [ITEM]],
    [[progress('0', '3', true, true)], [], [], []],
  ])
  await reindex({ query, signal: new AbortController().signal, onWarning: () => undefined, pauses: PAUSES })
  expect(sent.map(({ statement }) => statement)).toEqual([REPEAT_REINDEX, ADD_TO_ORDERS, END_REINDEX])
  expect(valuesOf(sent[0]?.parameters ?? {})).toEqual({ lastState: 9, last: 3 })
})

test('long orders make smaller transactions', async () => {
  const brands = Array.from({ length: 3000 }, (_, index) => ({ ...item!, brand: `Brand${index}` }))
  const long = JSON.stringify({ ...order.order, orderItems: brands.slice(0, 1200) })
  const states = ['7', '8', '9'].map((seq): Row => ({ ...STATE, seq, order_json: long }))
  const orders = ['3', '4'].map((seq): Row => ({ ...STORED, seq }))
  const items = orders.flatMap(({ seq }) => brands.map(({ brand }): Row => ({ ...ITEM, order_seq: seq!, brand })))
  const { query, sent } = server([
    [[progress('0', '0')], states, orders, items],
    [[progress('8', '0')], states.slice(2), orders, items],
    [[progress('9', '0')], [], orders, items],
    [[]],
  ])
  await reindex({ query, signal: new AbortController().signal, onWarning: () => undefined, pauses: PAUSES })
  const steps = sent.map(({ parameters }) => valuesOf(parameters))
  expect(steps.map(({ after, last }) => [after, last])).toEqual([
    [0, 8],
    [8, 9],
    [0, 3],
  ])
  const seqsOf = (text: unknown) => new Set((JSON.parse(String(text)) as string[][]).map(([seq]) => seq))
  expect(steps.map(({ words }) => seqsOf(words))).toEqual([new Set(['7', '8']), new Set(['9']), new Set(['3'])])
})

test('a step that fails is reported and retried, and without the note there is nothing to do', async () => {
  const { query, sent } = server([new Error('away'), [[progress('0', '0')], [], [STORED], [ITEM]], [[]]])
  const onWarning = vi.fn<(message: string) => void>()
  await reindex({ query, signal: new AbortController().signal, onWarning, pauses: PAUSES })
  expect(onWarning).toHaveBeenCalledOnce()
  expect(onWarning.mock.calls[0]?.[0]).toContain('away')
  expect(sent.map(({ statement }) => statement)).toEqual([ADD_TO_ORDERS])
})

test('it stops on request', async () => {
  const ended = new AbortController()
  const { query, sent } = server([])
  ended.abort()
  await reindex({ query, signal: ended.signal, onWarning: () => undefined, pauses: PAUSES })
  expect(sent).toEqual([])
})
