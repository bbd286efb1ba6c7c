import type { DatabaseSync } from 'node:sqlite'

/**
 * Merges a few pages of the full-text index of stored orders. `orders` is the number of orders whose words the
 * transaction has changed. An operator's action on a single order leaves merging to the next batch.
 */
export type MergeWords = (orders: number) => void

/**
 * A transaction adds its words to the index as a new segment. A merge replaces eight or more segments with one segment
 * on the next level, so each page is rewritten once for each level. With a million orders, the index has about five
 * levels. The words of one order fill a page, but those of 500 orders fill only 25 pages, because orders share words.
 */
const PAGES = 8
const ORDERS_PER_PAGE = 4

/**
 * Left to itself, FTS5 would merge only once for every 64 pages that it has added, but then several hundred pages at
 * once, which delays the transaction by 25 ms or more (findings/fts5-merges-in-lumps.sh). The migration
 * merge_in_small_steps therefore lets FTS5 merge on its own only if one level has 64 segments. Merging eight segments
 * at a time instead of FTS5's four costs less CPU, although a search then reads a few more segments
 * (https://www.sqlite.org/fts5.html#special_insert_commands).
 */
export function prepareWordMerging(db: DatabaseSync, prefix = ''): MergeWords {
  const table = `${prefix}order_search`
  const merge = db.prepare(`INSERT INTO ${table} (${table}, rank) VALUES ('merge', ?)`)
  return (orders) => {
    if (orders > 0) merge.run(PAGES + Math.ceil(orders / ORDERS_PER_PAGE))
  }
}
