import { expect, test } from 'vitest'
import { DISCARD_CHANGE, SELECT_ORDER_OF_CHANGE } from '../../../../shared/adapters/mssql/changes/discard-change-sql.ts'
import { SELECT_TURNS, TAKE_TURNS } from '../../../../shared/adapters/mssql/changes/turns-sql.ts'
import type { Parameters, Row } from '../../../../shared/adapters/mssql/database/connection.ts'
import type { Query } from '../../../../shared/adapters/mssql/database/query.ts'
import { createOperatorCommands } from '../../../../shared/adapters/mssql/dead-letters/operator-commands.ts'
import type { OrderChange } from '../../../../shared/domain/changes/order-changes.ts'
import { actAt } from '../../../contract/store-fixtures.ts'
import { changeRowOf, orderRowOf } from '../../../support/mssql/rows.ts'
import { testOrderIds } from '../../../support/orders/orders.ts'

const orderId = testOrderIds.next(Date.parse('2026-01-01T00:00:00.000Z'))
const changeId = testOrderIds.nextChange(orderId, Date.parse('2026-01-01T00:00:00.000Z'))
const NAMES = new Map([
  [SELECT_ORDER_OF_CHANGE, 'find'],
  [SELECT_TURNS, 'read'],
  [TAKE_TURNS, 'decide'],
  [DISCARD_CHANGE, 'discard'],
])

/** A server with an order that has just been stored, and with a change to it that has not taken its turn yet. */
function fakeServer({ change = { kind: 'cancel' }, isKnown = true }: { change?: OrderChange; isKnown?: boolean } = {}) {
  let isWaiting = true
  const sent: unknown[] = []
  const query: Query = async (statement: string, parameters: Parameters = {}): Promise<Row[][]> => {
    sent.push(NAMES.get(statement) ?? statement)
    if (statement === SELECT_ORDER_OF_CHANGE) return [isKnown ? [{ order_id: orderId.toUpperCase() }] : []]
    if (statement === SELECT_TURNS) {
      return [[], isWaiting ? [changeRowOf(orderId, changeId, { change })] : [], [], [orderRowOf(orderId)], []]
    }
    if (statement === TAKE_TURNS) {
      const { verdicts } = JSON.parse(String(parameters['batch']?.value)) as { verdicts: readonly unknown[] }
      isWaiting &&= verdicts.length === 0
      return [[{ i: 0, is_sound: true }]]
    }
    const isDiscarded = isWaiting && parameters['isUndecidable']?.value === 1
    isWaiting &&= !isDiscarded
    return [[{ is_discarded: isDiscarded }]]
  }
  return { sent, discard: () => createOperatorCommands(query).discardChange(changeId, actAt(1)) }
}

test('a change whose turn has come is decided, not discarded', async () => {
  const { sent, discard } = fakeServer()
  await expect(discard()).rejects.toMatchObject({ code: 'conflict' })
  expect(sent).toEqual(['find', 'read', 'decide', 'discard'])
})

test('a change whose turn has come is discarded if it cannot be decided', async () => {
  const change = { kind: 'amend', amendment: { orderItems: 5 } } as unknown as OrderChange
  const { sent, discard } = fakeServer({ change })
  expect(await discard()).toEqual([])
  expect(sent.at(-2)).toBe('discard')
})

test('an unknown change is refused', async () => {
  const { sent, discard } = fakeServer({ isKnown: false })
  await expect(discard()).rejects.toMatchObject({ code: 'conflict' })
  expect(sent).toEqual(['find'])
})
