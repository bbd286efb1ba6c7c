import { createSqliteStore } from '../../../shared/adapters/sqlite/sqlite-store.ts'
import type { MssqlStore } from '../../../shared/adapters/mssql/mssql-store.ts'

/** Takes the place of mssql-store.ts in a worker under test: the Functions runtime asks for SQL Server, which is not here. */
export async function createMssqlStore(): Promise<MssqlStore> {
  const file = process.env['TEST_STORE'] ?? ''
  return { ...(await createSqliteStore({ file, onReindexFailed: () => undefined })), described: file }
}
