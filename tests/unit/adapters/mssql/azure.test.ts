import { expect, test } from 'vitest'
import { toPoolConfig, type Row } from '../../../../shared/adapters/mssql/database/connection.ts'
import { createInspection, SELECT_DAMAGE, SELECT_EDITION } from '../../../../shared/adapters/mssql/database/inspect.ts'

/** How Azure SQL Database is treated differently from any other server. */
test.each([
  ['orders.database.windows.net', 30_000],
  ['tcp:Orders.Database.Windows.Net,1433', 30_000],
  ['orders.privatelink.database.windows.net', 30_000],
  ['orders.database.chinacloudapi.cn', 30_000],
  ['orders.database.windows.net.example.com', 5000],
  ['sql.example.com', 5000],
])('connecting to %s may take %i ms, unless the connection string says otherwise', (server, expected) => {
  const string = `Server=${server};Database=orders;User Id=app;Password=s3cret`
  expect(toPoolConfig(string).connectionTimeout).toBe(expected)
  expect(toPoolConfig(`${string};Connect Timeout=7`).connectionTimeout).toBe(7000)
})

test.each([
  [3, true],
  [5, false],
  [8, true],
])('msdb is asked for damaged pages on edition %i: %s', async (edition, isAsked) => {
  const asked: string[] = []
  const inspect = createInspection(async (statement): Promise<readonly (readonly Row[])[]> => {
    asked.push(statement)
    return Promise.resolve(statement === SELECT_EDITION ? [[{ engine_edition: edition }]] : [[]])
  })
  const pages = (await inspect()).find(({ name }) => name === 'pages')
  expect(pages).toMatchObject({ well: true })
  expect(asked.includes(SELECT_DAMAGE)).toBe(isAsked)
  expect(asked.some((statement) => statement.includes('msdb'))).toBe(isAsked)
})
