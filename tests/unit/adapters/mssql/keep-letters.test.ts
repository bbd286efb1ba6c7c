import { expect, it } from 'vitest'
import { createKeepLetters, KEEP_LETTERS } from '../../../../shared/adapters/mssql/dead-letters/keep-letters.ts'
import { SELECT_PLACES } from '../../../../shared/adapters/mssql/dead-letters/letter-places.ts'
import type { Query } from '../../../../shared/adapters/mssql/database/query.ts'
import { letterOf, orderAt } from '../../../contract/store-fixtures.ts'

interface Row {
  readonly topic: string
  readonly log_partition: number
  readonly log_offset: number
  readonly order_id: null
  readonly record_timestamp: number
}

/** A table of letters. Between the query and the insert, another instance adds a letter from a different log. */
function createTable(other: Row) {
  const rows: Row[] = []
  const query: Query = async (statement, parameters = {}) => {
    if (statement === SELECT_PLACES) {
      const places = JSON.parse(String(parameters['ids']?.value)) as { topic: string }[]
      const found = rows.filter(({ topic }) => places.some((place) => place.topic === topic))
      if (!rows.includes(other)) rows.push(other)
      return [found.map((row) => ({ ...row }))]
    }
    expect(statement).toBe(KEEP_LETTERS)
    const { letters } = JSON.parse(String(parameters['batch']?.value)) as {
      letters: { topic: string; partition: number; offset: number; recordTimestamp: number }[]
    }
    const fresh = letters.filter(({ topic }) => rows.every((row) => row.topic !== topic))
    for (const { topic, partition, offset, recordTimestamp } of fresh) {
      rows.push({
        topic,
        log_partition: partition,
        log_offset: offset,
        order_id: null,
        record_timestamp: recordTimestamp,
      })
    }
    return [[{ kept: fresh.length }]]
  }
  return { rows, query }
}

it('a letter whose position another instance takes meanwhile is kept as well, not dropped', async () => {
  const place = { topic: 'orders', log_partition: 0, log_offset: 7 }
  const { rows, query } = createTable({ ...place, order_id: null, record_timestamp: 1 })
  const letter = letterOf(orderAt(7), { orderId: null, recordTimestamp: 2 })
  await createKeepLetters(query)([letter])
  expect(rows.map(({ topic, record_timestamp: time }) => [topic, time])).toEqual([
    ['orders', 1],
    ['orders@2', 2],
  ])
  // A redelivered letter is already known.
  await createKeepLetters(query)([letter])
  expect(rows).toHaveLength(2)
})
