import type { DatabaseSync } from 'node:sqlite'

/**
 * The tables that a rebuild creates alongside the live ones, under other names. At the end, the new tables replace the
 * live ones and take over their names. They are created from the SQL text of the live tables, so they always match the
 * migrations.
 */
export interface RebuiltTables {
  /** Creates empty tables, after dropping those that an earlier rebuild left behind. */
  create(): void
  drop(): void
  /**
   * Replaces the live tables, in the transaction that completes the new ones. Readers see the old tables until that
   * transaction commits.
   */
  swap(): void
}

export const REBUILT = 'rebuilt_'

/** Listed in the order in which the tables are dropped: tables that reference others come first. */
const TABLES = ['order_items', 'order_spans', 'order_search', 'orders'] as const
const SELECT_TABLE = `SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?`
/** FTS5 writes the setting `version` itself. */
const COPY_SEARCH_SETTINGS = `
  INSERT INTO ${REBUILT}order_search (${REBUILT}order_search, rank)
  SELECT k, v FROM order_search_config WHERE k <> 'version'`
/** Indexes without SQL text are created together with their table. */
const SELECT_INDEXES = `SELECT sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL`

export function prepareRebuiltTables(db: DatabaseSync): RebuiltTables {
  const selectTable = db.prepare(SELECT_TABLE)
  const selectIndexes = db.prepare(SELECT_INDEXES)

  /**
   * The SQL text of a live table, with the name of the new one. SQLite quotes the name of a table that has been
   * renamed.
   */
  function textOfTwin(table: string): string {
    const text = String(selectTable.get(table)?.['sql'])
    const twin = text.replace(new RegExp(`^(CREATE (?:VIRTUAL )?TABLE) "?${table}"?`), `$1 ${REBUILT}${table}`)
    return twin.replaceAll(/\bREFERENCES "?orders"?/g, `REFERENCES ${REBUILT}orders`)
  }

  function drop(): void {
    for (const table of TABLES) db.exec(`DROP TABLE IF EXISTS ${REBUILT}${table}`)
  }

  return {
    create() {
      drop()
      for (const table of TABLES.toReversed()) db.exec(textOfTwin(table))
      db.exec(COPY_SEARCH_SETTINGS)
    },
    drop,
    swap() {
      // Index names are unique within the file, so the new tables get their indexes only after the live tables are
      // dropped. Creating an index at the end is also faster than updating it for every row.
      const indexes = TABLES.flatMap((table) => selectIndexes.all(table).map(({ sql }) => String(sql)))
      for (const table of TABLES) db.exec(`DROP TABLE ${table}`)
      for (const table of TABLES) db.exec(`ALTER TABLE ${REBUILT}${table} RENAME TO ${table}`)
      for (const index of indexes) db.exec(index)
      // The new full-text index contains every word, so nothing is left to reindex.
      db.exec('UPDATE search_reindex SET until_seq = 0')
    },
  }
}
