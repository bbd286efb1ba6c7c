import type { DatabaseSync } from 'node:sqlite'

/**
 * Merges a few pages of the full-text index of stored orders, for a transaction that has changed the words of this many
 * orders. Operators' actions that change single orders leave merging to the next batch.
 */
export type MergeWords = (orders: number) => void

/**
 * A transaction adds its words to the index as a new segment. A merge replaces eight segments or more by one on the next
 * level, so each page is rewritten once for each level, and a million orders have about five. The words of one order fill
 * a page, but those of 500 orders fill only 25, because orders share words.
 */
const PAGES = 8
const ORDERS_PER_PAGE = 4

/**
 * FTS5 itself would merge only after every 64 pages that it has added, and then several hundred pages at once, which
 * delays the transaction by 25 ms or more. Both kinds of its own merges are therefore set so that the small ones come
 * first (https://www.sqlite.org/fts5.html#special_insert_commands). Merging eight segments instead of four costs less
 * CPU, and a search reads a few segments more.
 */
const SETTINGS = `('automerge', 0), ('usermerge', 8), ('crisismerge', 64)`

/** Sets this for a table that no migration has set up. */
export const mergeSettings = (table: string) => `INSERT INTO ${table} (${table}, rank) VALUES ${SETTINGS}`

export function prepareWordMerging(db: DatabaseSync, prefix = ''): MergeWords {
  const table = `${prefix}order_search`
  const merge = db.prepare(`INSERT INTO ${table} (${table}, rank) VALUES ('merge', ?)`)
  return (orders) => {
    if (orders > 0) merge.run(PAGES + Math.ceil(orders / ORDERS_PER_PAGE))
  }
}
