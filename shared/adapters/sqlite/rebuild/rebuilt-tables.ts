import type { DatabaseSync } from 'node:sqlite'

/**
 * The tables that a rebuild makes again, beside the live ones under another name and then in their place. They are made
 * by the live ones' own text, so that they are what the migrations made, whichever those are.
 */
export interface RebuiltTables {
  /** Empty ones, after what an earlier rebuild left is dropped. */
  create(): void
  drop(): void
  /** Replaces the live tables, in the transaction that completes the new ones. Readers see the old ones until it commits. */
  swap(): void
}

export const REBUILT = 'rebuilt_'

/** Those that refer to others first, which is the order of dropping. */
const TABLES = ['order_items', 'order_spans', 'order_search', 'orders'] as const
const SELECT_TABLE = `SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?`
/** Those without text are made with their table. */
const SELECT_INDEXES = `SELECT sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL`

export function prepareRebuiltTables(db: DatabaseSync): RebuiltTables {
  const selectTable = db.prepare(SELECT_TABLE)
  const selectIndexes = db.prepare(SELECT_INDEXES)

  /** The text of a live table for its twin; a table that took another's place has its name in quotes. */
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
    },
    drop,
    swap() {
      // The names of indexes are not a table's own: they are free, and made again, once the live tables are gone. One at
      // the end is also quicker than one that is kept up on the way.
      const indexes = TABLES.flatMap((table) => selectIndexes.all(table).map(({ sql }) => String(sql)))
      for (const table of TABLES) db.exec(`DROP TABLE ${table}`)
      for (const table of TABLES) db.exec(`ALTER TABLE ${REBUILT}${table} RENAME TO ${table}`)
      for (const index of indexes) db.exec(index)
      // The new index has every word.
      db.exec('UPDATE search_reindex SET until_seq = 0')
    },
  }
}
