import { messageOf } from '../../../domain/errors.ts'
import type { Finding } from '../../../ports/finding.ts'
import type { Row } from './connection.ts'
import { IS_SNAPSHOT_ON } from './prepare-database.ts'
import type { Query } from './query.ts'

export const SELECT_SERVER = `
SELECT CAST(SERVERPROPERTY('ProductVersion') AS NVARCHAR(128)) AS version,
  CAST(SERVERPROPERTY('Edition') AS NVARCHAR(128)) AS edition,
  CAST(SERVERPROPERTY('IsFullTextInstalled') AS INT) AS has_full_text;
`
/** Azure SQL Database is engine edition 5 and has no msdb. */
export const SELECT_EDITION = "SELECT CAST(SERVERPROPERTY('EngineEdition') AS INT) AS engine_edition;"
const AZURE_SQL_DATABASE = 5

/**
 * Counts the reads of each index since the server started. Needs VIEW SERVER STATE, or VIEW DATABASE STATE on Azure SQL
 * Database.
 */
export const SELECT_INDEX_USE = `
SELECT i.name, COALESCE(u.user_seeks + u.user_scans + u.user_lookups, 0) AS reads
FROM sys.indexes AS i
JOIN sys.tables AS t ON t.object_id = i.object_id
LEFT JOIN sys.dm_db_index_usage_stats AS u ON u.database_id = DB_ID() AND u.object_id = i.object_id
  AND u.index_id = i.index_id
WHERE i.type = 2 AND i.is_primary_key = 0
ORDER BY i.name;
`

/**
 * Damaged pages that have not been restored since the server found them. Not for Azure SQL Database, which has no msdb.
 */
export const SELECT_DAMAGE = `
SELECT p.file_id, p.page_id FROM msdb.dbo.suspect_pages AS p WHERE p.database_id = DB_ID() AND p.event_type IN (1, 2, 3);
`

/**
 * Facts about the server. If the login cannot read one of them, the finding says why and does not count as a problem.
 */
export function createInspection(query: Query): () => Promise<readonly Finding[]> {
  async function look(
    name: string,
    statement: string,
    judge: (rows: readonly Row[]) => Omit<Finding, 'name'>,
  ): Promise<Finding> {
    try {
      const [rows = []] = await query(statement)
      return { name, ...judge(rows) }
    } catch (error) {
      return { name, ...well(`The server does not say: ${messageOf(error).replace(/\.?$/, '.')}`) }
    }
  }

  async function lookForDamage(): Promise<Finding> {
    const [[row] = []] = await query(SELECT_EDITION)
    if (Number(row?.['engine_edition']) !== AZURE_SQL_DATABASE) return look('pages', SELECT_DAMAGE, damage)
    return { name: 'pages', ...well('Azure SQL Database finds and repairs damaged pages itself.') }
  }

  return () =>
    Promise.all([
      look('server', SELECT_SERVER, ([row]) =>
        well(`SQL Server ${String(row?.['version'])}, ${String(row?.['edition'])}.`),
      ),
      look('full text', SELECT_SERVER, ([row]) =>
        well(
          `${row?.['has_full_text'] === 1 ? 'Installed' : 'Not installed'}; search does not need it, because it uses order_words.`,
        ),
      ),
      look('isolation', IS_SNAPSHOT_ON, ([row]) => {
        if (Number(row?.['is_on'] ?? 0) === 1) return well('READ_COMMITTED_SNAPSHOT is on: readers do not wait.')
        return unwell('READ_COMMITTED_SNAPSHOT is off, so readers wait for writers: turn it on with ALTER DATABASE.')
      }),
      look('indexes', SELECT_INDEX_USE, indexUse),
      lookForDamage(),
    ])
}

function damage(rows: readonly Row[]): Omit<Finding, 'name'> {
  if (rows.length === 0) return well('The server has found no damaged pages.')
  const pages = rows.map((row) => `${String(row['file_id'])}:${String(row['page_id'])}`).join(', ')
  return unwell(`The server found damage in the pages ${pages}: restore them, or the database.`)
}

/**
 * Lists unused indexes, because every index slows down writes. Unused indexes never count as a problem, because right
 * after the server has started no index has been read yet.
 */
function indexUse(rows: readonly Row[]): Omit<Finding, 'name'> {
  const unread = rows.filter((row) => Number(row['reads']) === 0).map((row) => String(row['name']))
  const used = `${rows.length - unread.length} of ${rows.length} were read since the server started`
  return well(unread.length === 0 ? `${used}.` : `${used}; not read: ${unread.join(', ')}.`)
}

function well(detail: string): Omit<Finding, 'name'> {
  return { well: true, detail }
}

function unwell(detail: string): Omit<Finding, 'name'> {
  return { well: false, detail }
}
