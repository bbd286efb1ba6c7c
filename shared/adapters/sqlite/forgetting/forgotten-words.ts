import type { DatabaseSync } from 'node:sqlite'
import type { NewOrderCommand } from '../../../domain/order-commands.ts'
import { fromIdBytes } from '../database/values.ts'
import { prepareSearchTerms } from '../search/search-terms.ts'
import { createSearchParts, searchableText } from '../search/search-text.ts'
import { prepareSearchableOrders } from '../search/searchable-orders.ts'

/** Removes the words of forgotten orders from the search indexes, within the caller's transaction. */
export interface ForgottenWords {
  replaceState(seq: number, order: NewOrderCommand): void
  /** Rewrites the index of stored orders, and the list of its words, from the orders' rows. Must be called last. */
  complete(): void
}

const SELECT_STATE_ID = 'SELECT order_id AS id FROM order_states WHERE seq = ?'
const REPLACE_STATE = 'INSERT OR REPLACE INTO order_state_search (rowid, words) VALUES (?, ?)'
/** A deleted word stays in its segment of the index until the segments are merged. */
const MERGE_STATES = `INSERT INTO order_state_search (order_state_search) VALUES ('optimize')`
/**
 * Merging would not be enough for stored orders. The index of stored orders can delete a row only by its words, so a
 * deleted word stays in the index and is marked as deleted. FTS5 drops the word and its mark only when it merges into
 * the highest level. If the index once had more segments than it has now, `optimize` merges them into a lower level, or
 * finds only one segment and does nothing.
 */
const EMPTY = `INSERT INTO order_search (order_search) VALUES ('delete-all'); DELETE FROM search_terms`
const INSERT_WORDS = 'INSERT INTO order_search (rowid, words) VALUES (?, ?)'
const SELECT_LAST = 'SELECT max(seq) AS last FROM orders'
const ORDERS_AT_ONCE = 500

export function prepareForgottenWords(db: DatabaseSync): ForgottenWords {
  const selectStateId = db.prepare(SELECT_STATE_ID)
  const replaceState = db.prepare(REPLACE_STATE)
  const insertWords = db.prepare(INSERT_WORDS)
  const selectLast = db.prepare(SELECT_LAST)
  const readSearchable = prepareSearchableOrders(db)
  const searchParts = createSearchParts()
  const terms = prepareSearchTerms(db)

  return {
    replaceState(seq, order) {
      const id = selectStateId.get(seq)?.['id']
      replaceState.run(seq, searchableText(order, searchParts(fromIdBytes(id as Uint8Array), order)))
    },
    complete() {
      db.exec(MERGE_STATES)
      db.exec(EMPTY)
      terms.forget()
      const last = Number(selectLast.get()?.['last'] ?? 0)
      for (let after = 0; after < last; after += ORDERS_AT_ONCE) {
        for (const order of readSearchable(after, after + ORDERS_AT_ONCE)) {
          const parts = searchParts(order.orderId, order)
          insertWords.run(order.seq, searchableText(order, parts))
          terms.note(parts)
        }
        terms.write()
      }
    },
  }
}
