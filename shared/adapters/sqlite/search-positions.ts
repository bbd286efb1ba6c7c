import type { DatabaseSync } from 'node:sqlite'
import { OrderSet } from './order-set.ts'
import { matchText, type Choice, type Match } from './search-match.ts'
import { stretchWords } from './search-text.ts'

/** The positions of orders that match, newest first: at most so many and none above `high`. */
export type SearchPositions = (match: Match, high: number, limit: number) => number[]

interface Block {
  readonly firstSeq: number
  readonly lastSeq: number
}

interface Extent {
  /** The first order after the blocks, and the newest one. */
  readonly afterBlocks: number
  readonly newest: number
  /** The first order whose stretch the index knows. */
  readonly stretchesFrom: number
}

/** By primary keys. */
const SELECT_EXTENT = `
  SELECT (SELECT coalesce(max(last_seq), 0) + 1 FROM search_blocks) AS afterBlocks,
    (SELECT coalesce(max(seq), 0) FROM orders) AS newest, (SELECT from_seq FROM search_stretches WHERE id = 1) AS stretchesFrom`
/** By the primary key. */
const SELECT_BLOCKS = `
  SELECT first_seq AS firstSeq, last_seq AS lastSeq FROM search_blocks WHERE first_seq <= ? ORDER BY first_seq DESC`
/** By the primary key. */
const SELECT_ORDERS = 'SELECT orders FROM search_block_terms WHERE first_seq = ? AND term = ?'
/** By the full-text index, from the newest order backwards. Of a bound that is no integer it makes no use; ours are bound as reals. */
const SELECT_FOUND = `
  SELECT rowid AS seq FROM order_search
  WHERE order_search MATCH ? AND rowid BETWEEN CAST(? AS INTEGER) AND CAST(? AS INTEGER) ORDER BY rowid DESC LIMIT ?`

/**
 * The orders after the last block by the full-text index, then block by block: there a word that a quarter of the orders
 * have costs what a rare one does, where the index goes through the entries of every word.
 */
export function prepareSearchPositions(db: DatabaseSync): SearchPositions {
  const selectExtent = db.prepare(SELECT_EXTENT)
  const selectBlocks = db.prepare(SELECT_BLOCKS)
  const selectOrders = db.prepare(SELECT_ORDERS)
  const selectFound = db.prepare(SELECT_FOUND)

  function inIndex(text: string, low: number, high: number, limit: number): number[] {
    return selectFound.all(text, low, high, limit).map((row) => Number(row['seq']))
  }

  function afterBlocks(match: Match, extent: Extent, high: number, limit: number): number[] {
    const low = extent.afterBlocks
    const last = Math.min(high, extent.newest)
    if (low > last) return []
    // Where there is no block yet, they would leave nothing out.
    const stretches = low > 1 && extent.stretchesFrom <= low ? stretchWords(low, last) : []
    return inIndex(matchText(match, stretches), low, last, limit)
  }

  /** Undefined when none has one of each. */
  function haveOneOfEach(choices: readonly Choice[], { firstSeq }: Block): OrderSet | undefined {
    let found: OrderSet | undefined
    for (const { terms = [] } of choices) {
      const sets = terms.flatMap((term) => selectOrders.get(firstSeq, term)?.['orders'] ?? []) as Uint8Array[]
      if (sets.length === 0) return undefined
      const chosen = new OrderSet()
      for (const set of sets) chosen.add(set)
      if (found === undefined) found = chosen
      else found.keepOnly(chosen)
      if (found.isEmpty()) return undefined
    }
    return found
  }

  function inBlock({ all, but }: Match, block: Block, high: number, limit: number): number[] {
    const found = haveOneOfEach(all, block)
    if (found === undefined) return []
    for (const choices of but) {
      if (found.isEmpty()) return []
      const others = haveOneOfEach(choices, block)
      if (others !== undefined) found.remove(others)
    }
    const places = found.last(limit, Math.min(high, block.lastSeq) - block.firstSeq)
    return places.map((place) => block.firstSeq + place)
  }

  return (match, high, limit) => {
    if (!namesItsTerms(match)) return inIndex(matchText(match), 1, high, limit)
    const found = afterBlocks(match, selectExtent.get() as unknown as Extent, high, limit)
    const blocks = found.length === limit ? [] : (selectBlocks.all(high) as unknown as Block[])
    for (const block of blocks) {
      found.push(...inBlock(match, block, high, limit - found.length))
      if (found.length === limit) break
    }
    return found
  }
}

function namesItsTerms({ all, but }: Match): boolean {
  return [all, ...but].every((choices) => choices.every(({ terms }) => terms !== undefined))
}
