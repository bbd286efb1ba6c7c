import { expect, test } from 'vitest'
import { createTurns } from '../../../../shared/adapters/mssql/changes/turns.ts'
import { SELECT_TURNS, TAKE_TURNS } from '../../../../shared/adapters/mssql/changes/turns-sql.ts'
import type { Parameters, Row } from '../../../../shared/adapters/mssql/database/connection.ts'
import type { Query } from '../../../../shared/adapters/mssql/database/query.ts'
import { OrderError } from '../../../../shared/domain/errors.ts'
import { changeRowOf, orderRowOf } from '../../../support/mssql/rows.ts'
import { testOrderIds } from '../../../support/orders/orders.ts'

const NOW = '2026-01-01T00:00:09.000Z'
const orderId = testOrderIds.next(Date.parse('2026-01-01T00:00:00.000Z'))
const [first, second, third] = [1, 2, 3].map(() =>
  testOrderIds.nextChange(orderId, Date.parse('2026-01-01T00:00:00.000Z')),
) as [string, string, string]

const orderRow = (version: number) => orderRowOf(orderId, version)
const changeRow = (changeId: string, turn: number, customerName: string, state = 'waiting') =>
  changeRowOf(orderId, changeId, { turn, state, change: { kind: 'amend', amendment: { customerName } } })

interface Written {
  readonly preview: boolean
  readonly turns: readonly { seenVersion: number; version?: number; customerName?: string; lastTurn?: number }[]
  readonly verdicts: readonly { changeId: string; state: string; version?: number; code?: string }[]
  readonly waits: readonly { changeId: string }[]
}

/** A server whose reads return these rows one after another, and which answers each write as `answer` says. */
function fakeServer(reads: readonly (readonly Row[])[], answer: (written: Written, nth: number) => boolean | Error) {
  const written: Written[] = []
  let next = 0
  const query: Query = (statement: string, parameters: Parameters = {}) => {
    if (statement === SELECT_TURNS) {
      const version = 1 + next
      return Promise.resolve([[], reads[next++] ?? [], [], [orderRow(version)], []])
    }
    expect(statement).toBe(TAKE_TURNS)
    const told = JSON.parse(String(parameters['batch']?.value)) as Written
    written.push(told)
    const said = answer(told, written.length)
    if (said instanceof Error) return Promise.reject(said)
    return Promise.resolve([told.turns.map((_, i) => ({ i, is_sound: said }))])
  }
  return { turns: createTurns(query), written }
}

test('if another instance has decided meanwhile, the order is read again, and decided as it is then', async () => {
  const { turns, written } = fakeServer(
    [[changeRow(first, 1, 'A'), changeRow(second, 2, 'B')], [changeRow(second, 2, 'B')], []],
    (_, nth) => nth > 1,
  )
  await turns.take([orderId], NOW)
  expect(written.map(({ verdicts }) => verdicts.map(({ changeId, version }) => [changeId, version]))).toEqual([
    [
      [first, 2],
      [second, 3],
    ],
    [[second, 3]],
  ])
  expect(written.map(({ turns: [turn] }) => [turn?.seenVersion, turn?.version, turn?.lastTurn])).toEqual([
    [1, 3, 2],
    [2, 3, 2],
  ])
})

test('an instance that never gets its turn says that the store is busy', async () => {
  const reads = Array.from({ length: 50 }, () => [changeRow(first, 1, 'A')])
  const { turns } = fakeServer(reads, () => false)
  await expect(turns.take([orderId], NOW)).rejects.toMatchObject({ code: 'store-busy' })
})

test('a change that waits is reported once, and nothing more is written for it', async () => {
  const held = changeRow(first, 1, 'A', 'retrying')
  const waiting = changeRow(second, 2, 'B')
  const { turns, written } = fakeServer(
    [
      [held, waiting],
      [held, { ...waiting, waits_told: true }],
    ],
    () => true,
  )
  await turns.take([orderId], NOW)
  await turns.take([orderId], NOW)
  expect(written.map(({ verdicts, waits }) => [verdicts, waits.map(({ changeId }) => changeId)])).toEqual([
    [[], [second]],
  ])
})

test('of several changes the one that the tables refuse is rejected, and those after it go on without it', async () => {
  const refused = new OrderError('constraint-violated', 'A check.')
  const after = JSON.stringify({ kind: 'amend', amendment: { customerLastName: 'C' } })
  const rows = [changeRow(first, 1, 'A'), changeRow(second, 2, ''), { ...changeRow(third, 3, ''), event: after }]
  const { turns, written } = fakeServer([rows], ({ turns: [turn] }) => (turn?.customerName === '' ? refused : true))
  await turns.take([orderId], NOW)
  const { verdicts, turns: last } = written.at(-1)!
  expect(verdicts.map(({ state, version, code }) => [state, version ?? code])).toEqual([
    ['applied', 2],
    ['rejected', 'constraint-violated'],
    ['applied', 3],
  ])
  expect(last).toMatchObject([{ customerName: 'A', customerLastName: 'C', version: 3 }])
})

test('an order with more changes than one step decides is read again until none is left', async () => {
  const ids = Array.from({ length: 21 }, () => testOrderIds.nextChange(orderId, Date.parse('2026-01-01T00:00:00.000Z')))
  const rows = ids.map((changeId, index) => changeRow(changeId, index + 1, `N${index}`))
  const { turns, written } = fakeServer([rows.slice(0, 20), rows.slice(20), []], () => true)
  await turns.take([orderId], NOW)
  expect(written.map(({ verdicts }) => verdicts.length)).toEqual([20, 1])
})
