import type { DatabaseSync } from 'node:sqlite'

/**
 * Merges a few pages of the full-text index of stored orders, for a transaction that has changed the words of this many
 * orders. Operators' actions that change single orders leave merging to the next batch.
 */
export type MergeWords = (orders: number) => void

/**
 * A transaction adds its words to the index as a new segment, and FTS5 merges four or more segments into one on the
 * next level (https://www.sqlite.org/fts5.html#the_merge_command). Each page is therefore rewritten once for each level,
 * of which a million orders have six. One order fills a page, but 500 orders fill only 25 pages, because they share
 * words.
 */
const PAGES = 8
const ORDERS_PER_PAGE = 4

/**
 * FTS5 itself would merge only after every 64 pages that it has added, and then several hundred pages at once. That
 * delays the transaction by 25 ms or more.
 */
export const withoutAutomerge = (table: string) => `INSERT INTO ${table} (${table}, rank) VALUES ('automerge', 0)`

export function prepareWordMerging(db: DatabaseSync, prefix = ''): MergeWords {
  const table = `${prefix}order_search`
  const merge = db.prepare(`INSERT INTO ${table} (${table}, rank) VALUES ('merge', ?)`)
  return (orders) => {
    if (orders > 0) merge.run(PAGES + Math.ceil(orders / ORDERS_PER_PAGE))
  }
}
