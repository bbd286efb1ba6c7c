import type { DatabaseSync } from 'node:sqlite'
import { CURRENCIES, PAYMENT_METHODS } from '../../../domain/order-choices.ts'
import type { OrderView } from '../../../domain/order-view.ts'
import { queryWords } from '../../../domain/search/search-words.ts'
import type { ListQuery, Page, SearchQuery } from '../../../ports/order-views.ts'
import { fromCursor, toPage } from '../../../domain/cursor.ts'
import { createStatements } from '../database/database.ts'
import type { OrderQueries } from './order-views.ts'
import { SPAN_ORDERS } from './stored-orders.ts'
import { filteredMatch, MAX_TERMS, rankedMatches } from '../search/search-match.ts'
import { toMs } from '../database/values.ts'

/**
 * Pages of orders. An index with the same sort order as the page yields the `seq` of each order on the page, and only
 * those orders are read. The cost of a page therefore depends on its size, not on the number of orders.
 */
export interface ListQueries {
  list(query: ListQuery): Page<OrderView>
  search(query: SearchQuery): Page<OrderView>
}

interface Range {
  readonly low: number
  readonly high: number
}

const NOTHING: Page<OrderView> = { items: [], nextCursor: null }
const EVERYTHING: Range = { low: 1, high: Number.MAX_SAFE_INTEGER }
/** Uses the primary key of order_spans, which has one row for every 1,024 orders. */
const SPANS = `
  SELECT span FROM order_spans WHERE span <= ? AND max_accepted_at >= ? AND min_accepted_at < ? ORDER BY span DESC`
/** Uses the primary key. */
const TERMS = 'SELECT term FROM search_terms WHERE term >= ? AND term < ? ORDER BY term LIMIT ?'
/**
 * Uses the full-text index, from the newest order backwards. The index ignores a bound that is not an integer, and
 * node:sqlite binds every number as a real, so the bound is cast.
 */
const FOUND = `
  SELECT rowid AS seq FROM order_search
  WHERE order_search MATCH ? AND rowid <= CAST(? AS INTEGER) ORDER BY rowid DESC LIMIT ?`
/** The highest code point. Appended to a prefix, it gives the upper bound of a scan for that prefix. */
const LAST = '\u{10ffff}'

export function prepareListQueries(db: DatabaseSync, orders: OrderQueries): ListQueries {
  const statement = createStatements(db)

  function seqs(sql: string, ...parameters: readonly (string | number)[]): number[] {
    return statement(sql)
      .all(...parameters)
      .map((row) => Number(row['seq']))
  }

  function termsOf(beginning: string): string[] {
    return statement(TERMS)
      .all(beginning, `${beginning}${LAST}`, MAX_TERMS + 1)
      .map((row) => String(row['term']))
  }

  /**
   * The ranges of `seq` that may contain orders accepted in the query's time range, newest first. Adjacent spans are
   * merged.
   */
  function* rangesOf(query: ListQuery, before: number): Generator<Range> {
    const high = before - 1
    if (!isOfStored(query)) return yield { ...EVERYTHING, high }
    if (query.from === undefined && query.to === undefined) return yield { ...EVERYTHING, high }
    let range: Range | undefined
    for (const row of statement(SPANS).iterate(Math.floor(high / SPAN_ORDERS), ...timesOf(query))) {
      const low = Number(row['span']) * SPAN_ORDERS
      if (range !== undefined && low + SPAN_ORDERS !== range.low) yield range
      const adjoins = range !== undefined && low + SPAN_ORDERS === range.low
      range = { low, high: adjoins && range !== undefined ? range.high : Math.min(high, low + SPAN_ORDERS - 1) }
    }
    if (range !== undefined) yield range
  }

  /** The query for the full-text index; undefined if no order can match. */
  function matchOf(q: string, query: ListQuery): string | undefined {
    const words = queryWords(q)
    if (words.length === 0) return undefined
    if (!isOfStored(query)) return filteredMatch(words, query)
    const { status } = query
    return filteredMatch(
      words,
      { ...query, ...(status !== undefined && { isCancelled: status === 'cancelled' }) },
      termsOf,
    )
  }

  function inRange(query: ListQuery, match: string | undefined, range: Range, limit: number): number[] {
    const { status = 'stored', customerId, currency, paymentMethod, reference } = query
    const isStored = isOfStored(query)
    const isCancelled = status === 'cancelled'
    const table = isStored ? 'orders' : 'order_states'
    const searchTable = isStored ? 'order_search' : 'order_state_search'
    const isBounded = query.from !== undefined || query.to !== undefined
    const times = isBounded ? timesOf(query) : []
    const where = [
      ...(isStored ? [] : ['o.status = ?']),
      ...(query.status === 'stored' ? ['o.cancelled_at IS NULL'] : []),
      ...(isCancelled ? ['o.cancelled_at IS NOT NULL'] : []),
      'o.seq BETWEEN ? AND ?',
      ...(isBounded ? ['o.accepted_at >= ? AND o.accepted_at < ?'] : []),
    ]
    const bounds = [...(isStored ? [] : [status]), range.low, range.high, ...times]
    if (reference !== undefined) {
      // Uses orders_by_reference or order_states_by_reference. Few orders share a reference, so the other filters are
      // checked on each order that has the given reference.
      const filters = { customer_id: customerId, currency, payment_method: paymentMethod }
      const given = Object.entries(filters).flatMap(([column, value]) =>
        value === undefined ? [] : [{ column, value }],
      )
      const found = `SELECT 1 FROM ${searchTable} s WHERE s.${searchTable} MATCH ? AND s.rowid = o.seq`
      const conditions = [
        ...where,
        ...given.map(({ column }) => `o.${column} = ?`),
        ...(match === undefined ? [] : [`EXISTS (${found})`]),
      ]
      const sql = `SELECT o.seq FROM ${table} o WHERE o.reference = ? AND ${conditions.join(' AND ')} ORDER BY o.seq DESC LIMIT ?`
      const values = given.map(({ value }) => value)
      return seqs(sql, reference, ...bounds, ...values, ...(match === undefined ? [] : [match]), limit)
    }
    if (match !== undefined && isStored && !isBounded) return seqs(FOUND, match, range.high, limit)
    if (match !== undefined) {
      // The full-text index covers words and filters. The other conditions are checked against the order's row, which
      // is read by primary key.
      const found = `SELECT o.seq FROM ${searchTable} s CROSS JOIN ${table} o ON o.seq = s.rowid
        WHERE s.${searchTable} MATCH ? AND s.rowid BETWEEN CAST(? AS INTEGER) AND CAST(? AS INTEGER) AND ${where.join(' AND ')} ORDER BY s.rowid DESC LIMIT ?`
      return seqs(found, match, range.low, range.high, ...bounds, limit)
    }
    const newest = (more: readonly string[], from = `${table} o`) =>
      `SELECT o.seq FROM ${from} WHERE ${[...more, ...where].join(' AND ')} ORDER BY o.seq DESC LIMIT ?`
    if (customerId === undefined && currency === undefined && paymentMethod === undefined && !isCancelled) {
      // Uses the primary key or order_states_by_status.
      return seqs(newest([]), ...bounds, limit)
    }
    // Uses orders_by_customer or orders_by_currency (orders_cancelled_by_… for cancelled orders, order_states_by_… for
    // orders that are not stored). In these indexes, the entries of each key are sorted by `seq`. If the currency or
    // the payment method is not given, each of its possible values is queried, and the newest of the orders found are
    // returned.
    const ofCustomer = customerId === undefined ? [] : [customerId]
    const key = [...ofCustomer.map(() => 'o.customer_id = ?'), 'o.currency = ?', 'o.payment_method = ?']
    // The statement names the index, because the planner might otherwise choose one that contains all orders.
    const cancelled = `orders o INDEXED BY orders_cancelled_by_${ofCustomer.length === 0 ? 'currency' : 'customer'}`
    const sql = newest(key, isCancelled ? cancelled : undefined)
    const currencies = currency === undefined ? CURRENCIES : [currency]
    const methods = paymentMethod === undefined ? PAYMENT_METHODS : [paymentMethod]
    return currencies
      .flatMap((one) => methods.flatMap((method) => seqs(sql, ...ofCustomer, one, method, ...bounds, limit)))
      .toSorted((one, other) => other - one)
      .slice(0, limit)
  }

  return {
    list(query) {
      const [before] = fromCursor(query, ['number']) ?? [Number.MAX_SAFE_INTEGER]
      const match = query.q === undefined ? undefined : matchOf(query.q, query)
      if (query.q !== undefined && match === undefined) return NOTHING
      const wanted = query.limit + 1
      const found: number[] = []
      for (const range of rangesOf(query, before)) {
        found.push(...inRange(query, match, range, wanted - found.length))
        if (found.length === wanted) break
      }
      const { items, nextCursor } = toPage(
        query,
        found,
        (seq) => seq,
        (seq) => [seq],
      )
      return { items: isOfStored(query) ? orders.stored(items) : orders.unstored(items), nextCursor }
    },
    search(query) {
      const { q, limit, customersOnly = false } = query
      const words = queryWords(q)
      if (words.length === 0) return NOTHING
      const [fromRank, fromSeq] = fromCursor(query, ['number', 'number']) ?? [0, Number.MAX_SAFE_INTEGER]
      const found: { rank: number; seq: number }[] = []
      for (const [rank, match] of rankedMatches(words, customersOnly, termsOf).entries()) {
        if (rank < fromRank || match === undefined) continue
        const high = rank === fromRank ? fromSeq - 1 : Number.MAX_SAFE_INTEGER
        found.push(...seqs(FOUND, match, high, limit + 1 - found.length).map((seq) => ({ rank, seq })))
        if (found.length > limit) break
      }
      const { items, nextCursor } = toPage(
        query,
        found,
        ({ seq }) => seq,
        ({ rank, seq }) => [rank, seq],
      )
      return { items: orders.stored(items), nextCursor }
    },
  }
}

function isOfStored({ status }: ListQuery): boolean {
  return status === undefined || status === 'stored' || status === 'cancelled'
}

function timesOf({ from, to }: ListQuery): [from: number, to: number] {
  return [
    from === undefined ? Number.MIN_SAFE_INTEGER : toMs(from),
    to === undefined ? Number.MAX_SAFE_INTEGER : toMs(to),
  ]
}
