import { createSqliteStore } from '../../../shared/adapters/sqlite/sqlite-store.ts'
import type { MssqlStore } from '../../../shared/adapters/mssql/mssql-store.ts'

/** Replaces the SQL Server store in a worker under test: the runtime requires SQL Server, which these tests do not have. */
export async function createMssqlStore(): Promise<MssqlStore> {
  const file = process.env['TEST_STORE'] ?? ''
  return { ...(await createSqliteStore({ file, onReindexFailed: () => undefined })), described: file }
}
