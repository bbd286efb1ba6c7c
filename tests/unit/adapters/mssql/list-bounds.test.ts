import { expect, test } from 'vitest'
import { createArchive } from '../../../../shared/adapters/mssql/archive/archive.ts'
import type { Parameters } from '../../../../shared/adapters/mssql/database/connection.ts'
import type { Query } from '../../../../shared/adapters/mssql/database/query.ts'
import { createDeadLetters } from '../../../../shared/adapters/mssql/dead-letters/dead-letters.ts'
import { createOrderQueries } from '../../../../shared/adapters/mssql/orders/order-views.ts'

/** Valid times that lie outside the years 1 to 9999 in UTC. */
const [EARLY, LATE] = ['0001-01-01T00:00:00+01:00', '9999-12-31T23:59:59-05:00']

test.each<[string, (query: Query) => Promise<unknown>]>([
  ['orders', (query) => createOrderQueries(query).list({ limit: 9, from: EARLY, to: LATE })],
  ['dead letters', (query) => createDeadLetters(query).list({ limit: 9, from: EARLY, to: LATE })],
  ['orders to archive', (query) => createArchive(query).exportOrders({ limit: 9, before: LATE })],
])('a list of %s is never compared with NULL', async (_, ask) => {
  const sent: Parameters[] = []
  await ask(async (_statement, parameters = {}) => {
    sent.push(parameters)
    return [[]]
  })
  const bounds = sent.flatMap(({ from, to, before }) => [from, to, before]).filter((bound) => bound !== undefined)
  expect(bounds.length).toBeGreaterThan(0)
  expect(bounds.map(({ value }) => value)).not.toContain(null)
})
