import type { DatabaseSync } from 'node:sqlite'
import type { NewOrderCommand } from '../../../domain/order-commands.ts'
import { fromIdBytes } from '../database/values.ts'
import { prepareRewording } from '../search/rewording.ts'
import { prepareSearchTerms } from '../search/search-terms.ts'
import { createSearchParts, searchableText, type SearchParts } from '../search/search-text.ts'
import { prepareSearchableOrders, type SearchableOrder } from '../search/searchable-orders.ts'

/** Removes the words of forgotten orders from the search index, within the caller's transaction. */
export interface ForgottenWords {
  /** Replaces the words of stored orders. Calls `update` to remove the personal data from each order's row. */
  replace(seqs: readonly number[], update: (seq: number) => void): void
  replaceState(seq: number, order: NewOrderCommand): void
  /** Removes traces of deleted words from the index and from the list of its words. Must be called last. */
  complete(): void
}

const SELECT_STATE_ID = 'SELECT order_id AS id FROM order_states WHERE seq = ?'
const REPLACE_STATE = 'INSERT OR REPLACE INTO order_state_search (rowid, words) VALUES (?, ?)'
const INSERT_WORDS = 'INSERT INTO order_search (rowid, words) VALUES (?, ?)'
/**
 * A deleted word stays in its segment of the index, with a mark that it is deleted, until segments are merged
 * (https://www.sqlite.org/fts5.html#the_optimize_command).
 */
const MERGE = `
  INSERT INTO order_search (order_search) VALUES ('optimize');
  INSERT INTO order_state_search (order_state_search) VALUES ('optimize')`
/**
 * The list may also contain words of names that were amended earlier, so every word that is no longer indexed is
 * removed.
 */
const UNLIST = `
  CREATE VIRTUAL TABLE temp.indexed_terms USING fts5vocab(main, 'order_search', 'row');
  DELETE FROM search_terms WHERE NOT EXISTS (SELECT 1 FROM temp.indexed_terms i WHERE i.term = search_terms.term);
  DROP TABLE temp.indexed_terms`
const EMPTY = `INSERT INTO order_search (order_search) VALUES ('delete-all'); DELETE FROM search_terms`
const IS_OLD = 'SELECT 1 FROM forgetting WHERE id = 1 AND is_old = 1'
const SELECT_LAST = 'SELECT max(seq) AS last FROM orders'
const ORDERS_AT_ONCE = 500

export function prepareForgottenWords(db: DatabaseSync): ForgottenWords {
  const selectStateId = db.prepare(SELECT_STATE_ID)
  const replaceState = db.prepare(REPLACE_STATE)
  const insertWords = db.prepare(INSERT_WORDS)
  const isOld = db.prepare(IS_OLD)
  const selectLast = db.prepare(SELECT_LAST)
  const readSearchable = prepareSearchableOrders(db)
  const searchParts = createSearchParts()
  const terms = prepareSearchTerms(db)
  const reword = prepareRewording(db)

  const read = (seq: number) => readSearchable(seq - 1, seq)[0]
  const partsOf = (order: SearchableOrder): SearchParts => searchParts(order.orderId, order)

  function replaceOne(seq: number, update: (seq: number) => void): void {
    const before = read(seq)
    update(seq)
    const after = read(seq)
    if (before === undefined || after === undefined) return
    reword(seq, searchableText(before, partsOf(before)), searchableText(after, partsOf(after)))
  }

  /**
   * Writes the whole index again. Earlier versions folded words by other rules, so their words cannot be deleted one by
   * one.
   */
  function writeAnew(): void {
    db.exec(EMPTY)
    terms.forget()
    const last = Number(selectLast.get()?.['last'] ?? 0)
    for (let after = 0; after < last; after += ORDERS_AT_ONCE) {
      for (const order of readSearchable(after, after + ORDERS_AT_ONCE)) {
        const parts = partsOf(order)
        insertWords.run(order.seq, searchableText(order, parts))
        terms.note(parts)
      }
      terms.write()
    }
  }

  return {
    replace(seqs, update) {
      const isWrittenAnew = isOld.get() !== undefined
      for (const seq of seqs) {
        if (isWrittenAnew) update(seq)
        else replaceOne(seq, update)
      }
    },
    replaceState(seq, order) {
      const id = selectStateId.get(seq)?.['id']
      replaceState.run(seq, searchableText(order, searchParts(fromIdBytes(id as Uint8Array), order)))
    },
    complete() {
      if (isOld.get() !== undefined) writeAnew()
      db.exec(MERGE)
      db.exec(UNLIST)
    },
  }
}
