import type { DatabaseSync } from 'node:sqlite'
import { inSnapshot, inTransaction, pause } from './database.ts'
import { NewOrderSet } from './order-set.ts'
import { createSearchParts, filterWords, inNames } from './search-text.ts'
import { prepareSearchableRows, type SearchableOrder } from './searchable-rows.ts'

/**
 * Writes the next block of orders (search_blocks), when there are so many after the last one; false when there are not.
 * The block ends early, at a multiple of 64 orders, when those that it has hold `maxWords` together or more: orders can be
 * long, and memory is bounded.
 */
export type WriteBlock = (orders: number, maxWords?: number) => boolean

interface Block {
  readonly firstSeq: number
  readonly lastSeq: number
  /** Which tables it was read from: a rebuild puts others in their place. */
  readonly schemaVersion: number
  readonly rows: readonly (readonly [term: string, orders: Uint8Array])[]
}

/** An order can have 500 items, and all of their rows are in memory at once. */
const READ_AT_ONCE = 64
const MAX_WORDS = 400_000
const WRITTEN_AT_ONCE = 1000
/** For the writer, which may be waiting for the lock. */
const PAUSE_MS = 10

/** By primary keys. */
const SELECT_LAST = `
  SELECT (SELECT coalesce(max(last_seq), 0) FROM search_blocks) AS last, (SELECT coalesce(max(seq), 0) FROM orders) AS newest`
const SELECT_SCHEMA_VERSION = 'PRAGMA schema_version'
/** A block that was left half written is written again. */
const INSERT_TERM = 'INSERT OR REPLACE INTO search_block_terms VALUES (?, ?, ?)'
const INSERT_BLOCK = 'INSERT INTO search_blocks VALUES (?, ?)'

/** How many orders came after the last block. */
export function prepareOrdersAfterBlocks(db: DatabaseSync): () => number {
  const selectLast = db.prepare(SELECT_LAST)
  return () => {
    const { last, newest } = lastOf(selectLast.get())
    return newest - last
  }
}

export function prepareWriteBlock(db: DatabaseSync): WriteBlock {
  const selectLast = db.prepare(SELECT_LAST)
  const selectSchemaVersion = db.prepare(SELECT_SCHEMA_VERSION)
  const insertTerm = db.prepare(INSERT_TERM)
  const insertBlock = db.prepare(INSERT_BLOCK)
  const readSearchable = prepareSearchableRows(db)

  const schemaVersion = () => Number(selectSchemaVersion.get()?.['schema_version'])

  function read(orders: number, maxWords: number): Block | undefined {
    const { last, newest } = lastOf(selectLast.get())
    if (newest - last < orders) return undefined
    const words = createWords()
    const firstSeq = last + 1
    let lastSeq = last
    while (lastSeq < last + orders && words.count() < maxWords) {
      const next = Math.min(lastSeq + READ_AT_ONCE, last + orders)
      for (const order of readSearchable(lastSeq, next)) words.add(order.seq - firstSeq, order)
      lastSeq = next
    }
    return { firstSeq, lastSeq, schemaVersion: schemaVersion(), rows: words.rows() }
  }

  /** False when another process wrote the block first, or a rebuild changed what it says. */
  function writeSome(block: Block, from: number): boolean {
    if (schemaVersion() !== block.schemaVersion || lastOf(selectLast.get()).last !== block.firstSeq - 1) return false
    for (const [term, orders] of block.rows.slice(from, from + WRITTEN_AT_ONCE)) {
      insertTerm.run(block.firstSeq, term, orders)
    }
    if (from + WRITTEN_AT_ONCE >= block.rows.length) insertBlock.run(block.firstSeq, block.lastSeq)
    return true
  }

  return (orders, maxWords = MAX_WORDS) => {
    const block = inSnapshot(db, () => read(orders, maxWords))
    if (block === undefined) return false
    for (let from = 0; from === 0 || from < block.rows.length; from += WRITTEN_AT_ONCE) {
      if (from > 0) pause(PAUSE_MS)
      if (!inTransaction(db, () => writeSome(block, from))) break
    }
    return true
  }
}

/** The words of orders and which orders have them. */
function createWords() {
  const setOf = new Map<string, NewOrderSet>()
  const searchParts = createSearchParts()
  let count = 0

  function note(term: string, place: number): void {
    let set = setOf.get(term)
    if (set === undefined) setOf.set(term, (set = new NewOrderSet()))
    set.add(place)
    count += 1
  }

  return {
    /**
     * In the order of places. Customers, ids and the other texts have no words here: each has few orders, which the
     * full-text index finds at once.
     */
    add(place: number, order: SearchableOrder) {
      const { names, items } = searchParts(order.orderId, order)
      for (const word of names) {
        note(word, place)
        note(inNames(word), place)
      }
      for (const word of items) note(word, place)
      const { currencyType: currency, paymentMethodType: paymentMethod } = order
      for (const word of filterWords({ currency, paymentMethod })) note(word, place)
    },
    count: () => count,
    rows: () => Array.from(setOf, ([term, set]) => [term, set.pack()] as const),
  }
}

function lastOf(row: Record<string, unknown> | undefined): { last: number; newest: number } {
  return { last: Number(row?.['last']), newest: Number(row?.['newest']) }
}
