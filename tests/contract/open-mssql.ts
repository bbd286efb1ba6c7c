import { afterAll, describe } from 'vitest'
import { createMssqlStore } from '../../shared/adapters/mssql/mssql-store.ts'
import { skipsSqlServer, testDatabase, type TestDatabase } from '../support/mssql/mssql-database.ts'
import type { OpenEmptyStore, OpenStore, StoreFeatures } from './store-fixtures.ts'

export const MSSQL_FEATURES: StoreFeatures = { fullText: true, emailDigitsByBeginning: true }

type Again = () => Promise<OpenStore>

/** The tables of the store, child tables before their parents. */
export const TABLES = (
  'rebuild rebuilt_orders rebuilt_items rebuilt_words redrive_letters redrive_tasks audit ledger_repairs dead_letters order_items ' +
  'order_words order_changes order_change_history orders order_state_words order_states order_history removed_histories archived_orders archived_changes parked_records ledger_gaps ledger_logs ledger forgotten_customers'
).split(' ')

/**
 * Runs a contract suite on a new database, which is dropped after the suite. `open` opens a store and empties its
 * tables; `again` opens the same store once more, as another process would.
 */
export function describeMssql(suite: (open: OpenEmptyStore, again: Again, database: TestDatabase) => void): void {
  describe.skipIf(skipsSqlServer)('the server that TEST_SQL_CONNECTION_STRING names', () => {
    const database = testDatabase()
    const again = () => {
      const onWarning = (message: string) => console.warn(message)
      const { connectionString } = database
      return createMssqlStore({ connectionString, onError: console.error, onWarning })
    }
    const open = async () => {
      await database.create()
      const store = await again()
      // Opening a store does not wait for a slow server to create the tables, but every call to the store does.
      await store.ledger.read('nobody', 'orders', 1)
      const statements = TABLES.map((table) => `DELETE FROM ${table};`)
      await database.run([...statements, 'UPDATE archiving SET leased_until = 0;'].join('\n'))
      return store
    }
    suite(open, again, database)
    afterAll(() => database[Symbol.asyncDispose]())
  })
}
