import { readMigrations } from '../../../shared/disk/migration-files.ts'
import type { TdsAnswer, TdsRequest } from './tds-server.ts'

export const MIGRATIONS = readMigrations(new URL('../../../infra/sql/mssql/', import.meta.url))
export const STORING = 'INSERT INTO order_items'
export const PREPARED = 'SELECT version, checksum'
/** More rows than any batch has. */
const MOST_ORDERS = 1000

export const text = (name: string) => ({ name, type: 'nvarchar' as const })
export const int = (name: string) => ({ name, type: 'int' as const })

export const storedRows = (orders: number): TdsAnswer => ({
  rows: [
    {
      columns: [int('i'), text('outcome')],
      rows: Array.from({ length: orders }, (_, i) => [i, 'stored']),
    },
  ],
})

/** A healthy database that stores every order and keeps every letter. */
export function healthyDatabase(request: TdsRequest, orders = MOST_ORDERS): TdsAnswer {
  if (request.includes('is_read_committed_snapshot_on')) return { rows: [{ columns: [int('is_on')], rows: [[1]] }] }
  if (request.includes(PREPARED)) {
    const rows = MIGRATIONS.map(({ version, checksum }) => [version, checksum])
    return { rows: [{ columns: [int('version'), text('checksum')], rows }] }
  }
  if (request.includes('Updateability')) {
    return { rows: [{ columns: [text('updateability')], rows: [['READ_WRITE']] }] }
  }
  if (request.includes('text_read')) return { rows: [{ columns: [text('text_read')], rows: [['"\\\n']] }] }
  if (request.includes('AS alive')) return { rows: [{ columns: [int('alive')], rows: [[1]] }] }
  if (request.includes('AS kept')) return { rows: [{ columns: [int('kept')], rows: [[MOST_ORDERS]] }] }
  return request.includes(STORING) ? storedRows(orders) : 'done'
}
