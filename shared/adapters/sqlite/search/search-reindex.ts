import type { DatabaseSync } from 'node:sqlite'
import type { NewOrderCommand } from '../../../domain/order-commands.ts'
import { reindexRuns } from '../../stores/refusals.ts'
import { inTransaction } from '../database/database.ts'
import { prepareSearchTerms } from './search-terms.ts'
import { addedText, createSearchParts, searchableText } from './search-text.ts'
import { prepareSearchableOrders } from './searchable-orders.ts'
import { fromIdBytes } from '../database/values.ts'
import { prepareWordMerging } from './word-merging.ts'

/**
 * Indexes the words that an earlier version did not index, for at most `orders` orders in one transaction. Storing has
 * to wait for the transaction, so the transaction is kept short: it also ends after the order that contains the
 * `maxItems`th item. Returns false if no orders are left.
 */
export type Reindex = (orders: number, maxItems?: number) => boolean

interface Progress {
  readonly lastStateSeq: number
  readonly lastSeq: number
  readonly untilSeq: number
}

/**
 * The order that reaches this limit is still indexed in full. Because an order has at most 500 items, a transaction
 * indexes fewer than 1,500 items.
 */
const MAX_ITEMS = 1000

/** The following statements use the primary keys. */
const SELECT_PROGRESS = `
  SELECT last_state_seq AS lastStateSeq, last_seq AS lastSeq, until_seq AS untilSeq FROM search_reindex WHERE id = 1`
const UPDATE_PROGRESS = 'UPDATE search_reindex SET last_state_seq = ?, last_seq = ? WHERE id = 1'
const DELETE_PROGRESS = 'DELETE FROM search_reindex'
/**
 * Whether stored orders may still lack words. Once `until_seq` is 0, only orders that are not stored may lack words,
 * and all words of such an order are replaced at once.
 */
const IS_REINDEXING = 'SELECT 1 FROM search_reindex WHERE id = 1 AND until_seq > 0'
const SELECT_STATES = `
  SELECT seq, order_id AS id, order_json AS json FROM order_states WHERE seq > ? ORDER BY seq LIMIT ?`
/** The order that contains the last of the next `?` items. */
const SELECT_REACH = `
  SELECT max(order_seq) AS reach
  FROM (SELECT order_seq FROM order_items WHERE order_seq > ? ORDER BY order_seq LIMIT ?)`
const REPLACE_STATE = 'INSERT OR REPLACE INTO order_state_search (rowid, words) VALUES (?, ?)'
/**
 * Inserts additional words for a row that is already in the index. The index stores only words (content = '',
 * columnsize = 0), so the insert adds the new words and leaves the row's existing words unchanged.
 */
const INSERT_WORDS = 'INSERT INTO order_search (rowid, words) VALUES (?, ?)'

export function prepareReindex(db: DatabaseSync): Reindex {
  const selectProgress = db.prepare(SELECT_PROGRESS)
  const updateProgress = db.prepare(UPDATE_PROGRESS)
  const deleteProgress = db.prepare(DELETE_PROGRESS)
  const selectReach = db.prepare(SELECT_REACH)
  const selectStates = db.prepare(SELECT_STATES)
  const replaceState = db.prepare(REPLACE_STATE)
  const insertWords = db.prepare(INSERT_WORDS)
  const readSearchable = prepareSearchableOrders(db)
  const searchParts = createSearchParts()
  const terms = prepareSearchTerms(db)
  const mergeWords = prepareWordMerging(db)

  /**
   * Indexes orders that have a row in `order_states`. Returns the `seq` of the last row that it read, or undefined if
   * no rows are left.
   */
  function states(afterSeq: number, limit: number, maxItems: number): number | undefined {
    let last: number | undefined
    let items = 0
    for (const { seq, id, json } of selectStates.iterate(afterSeq, limit)) {
      last = Number(seq)
      if (json === null) continue
      const order = JSON.parse(String(json)) as NewOrderCommand
      replaceState.run(last, searchableText(order, searchParts(fromIdBytes(id as Uint8Array), order)))
      items += order.orderItems.length
      if (items >= maxItems) break
    }
    return last
  }

  function reach(afterSeq: number, maxItems: number): number {
    return Number(selectReach.get(afterSeq, maxItems)?.['reach'] ?? Infinity)
  }

  function stored(afterSeq: number, lastSeq: number): void {
    for (const order of readSearchable(afterSeq, lastSeq)) {
      const parts = searchParts(order.orderId, order)
      insertWords.run(order.seq, addedText(order, parts))
      terms.note(parts)
    }
    terms.write()
    mergeWords(lastSeq - afterSeq)
  }

  function step(limit: number, maxItems: number): boolean {
    const progress = selectProgress.get() as unknown as Progress | undefined
    if (progress === undefined) return false
    const { lastStateSeq, lastSeq, untilSeq } = progress
    const stateSeq = states(lastStateSeq, limit, maxItems)
    if (stateSeq !== undefined) {
      updateProgress.run(stateSeq, lastSeq)
      return true
    }
    const next = Math.min(lastSeq + limit, reach(lastSeq, maxItems), untilSeq)
    if (next <= lastSeq) {
      deleteProgress.run()
      return false
    }
    stored(lastSeq, next)
    updateProgress.run(lastStateSeq, next)
    return true
  }

  return (limit, maxItems = MAX_ITEMS) => {
    if (selectProgress.get() === undefined) return false
    // If an earlier step was rolled back, the words that it wrote are gone too.
    terms.forget()
    return inTransaction(db, () => step(limit, maxItems))
  }
}

/**
 * Throws `conflict` while words of stored orders are being added. Deleting an order's words would then also delete
 * words that the index does not contain yet, which has unpredictable results in FTS5.
 */
export function prepareReindexRefusal(db: DatabaseSync): () => void {
  const isReindexing = db.prepare(IS_REINDEXING)
  return () => {
    if (isReindexing.get() !== undefined) throw reindexRuns()
  }
}
