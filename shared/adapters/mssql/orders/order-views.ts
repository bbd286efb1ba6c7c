import { fromCursor, toCursor } from '../../../domain/cursor.ts'
import type { HistoryEntry, OrderView } from '../../../domain/order-view.ts'
import { idWord, isShortId, queryWords } from '../../../domain/search/search-words.ts'
import type { KnownOrder } from '../../../ports/order-store.ts'
import type { ListQuery, OrderViews, Page, SearchQuery } from '../../../ports/order-views.ts'
import { bigint, int, json, text, type Parameters } from '../database/connection.ts'
import { toHistoryEntry, toStored, toUnstored, type Found } from './view-rows.ts'
import {
  SELECT_BY_IDS,
  SELECT_BY_KEY,
  SELECT_HISTORY,
  selectSearch,
  selectStateList,
  selectStoredList,
  type ListFilter,
} from './order-views-sql.ts'
import type { Query } from '../database/query.ts'
import { fromSqlId, fromSqlTime, isOrderId, toSqlTime } from '../database/values.ts'

export interface OrderQueries extends OrderViews {
  readonly findByIdempotencyKey: (keyHash: string) => Promise<KnownOrder | undefined>
}

const EMPTY: Page<OrderView> = { items: [], nextCursor: null }

export function createOrderQueries(query: Query): OrderQueries {
  async function getMany(orderIds: readonly string[]): Promise<Map<string, OrderView>> {
    const ids = orderIds.filter(isOrderId)
    if (ids.length === 0) return new Map()
    const [states = [], orders = [], items = []] = await query(SELECT_BY_IDS, { ids: json(ids) })
    const found = [...toUnstored(states), ...toStored(orders, items)]
    return new Map(found.map(({ view }) => [view.orderId, view]))
  }

  async function historyOf(orderId: string): Promise<HistoryEntry[]> {
    const [rows = []] = await query(SELECT_HISTORY, { orderId: text(orderId) })
    return rows.map(toHistoryEntry)
  }

  return {
    getMany,
    get: async (orderId) => (await getMany([orderId])).get(orderId),
    async list(list) {
      const [before] = fromCursor(list, ['number']) ?? [Number.MAX_SAFE_INTEGER]
      const filters = filtersOf(list)
      if (filters === undefined) return EMPTY
      const { status = 'stored', limit } = list
      const parameters = { ...filters.parameters, before: bigint(before), limit: int(limit + 1) }
      if (status === 'stored') {
        const [orders = [], items = []] = await query(selectStoredList(filters.given), parameters)
        return toPage(list, toStored(orders, items), ({ seq }) => [seq])
      }
      const [states = []] = await query(selectStateList(filters.given), { ...parameters, status: text(status) })
      return toPage(list, toUnstored(states), ({ seq }) => [seq])
    },
    async search(search) {
      const words = queryWords(search.q)
      if (words.length === 0) return EMPTY
      const [rank, before] = fromCursor(search, ['number', 'number']) ?? [0, Number.MAX_SAFE_INTEGER]
      const [orders = [], items = []] = await query(selectSearch(search.customersOnly ?? false), {
        queryWords: json(numbered(words)),
        rank: int(rank),
        before: bigint(before),
        limit: int(search.limit + 1),
      })
      return toPage(search, toStored(orders, items), ({ rank, seq }) => [rank, seq])
    },
    async history(orderId) {
      const view = (await getMany([orderId])).get(orderId)
      if (view === undefined) return undefined
      const { acceptedAt, storedAt } = view
      return [
        ...(acceptedAt === undefined ? [] : [{ at: acceptedAt, kind: 'accepted' } as const]),
        ...(await historyOf(orderId)),
        // Nothing happens to an order after it was stored.
        ...(storedAt === undefined ? [] : [{ at: storedAt, kind: 'stored' } as const]),
      ]
    },
    async findByIdempotencyKey(keyHash) {
      const [[row] = []] = await query(SELECT_BY_KEY, { keyHash: text(keyHash) })
      if (row === undefined) return undefined
      return {
        orderId: fromSqlId(String(row['order_id'])),
        bodyHash: String(row['body_hash']),
        acceptedAt: fromSqlTime(row['accepted_at'] as Date),
      }
    },
  }
}

/** What DECLARE_WORDS reads: words with the same number stand for one word of the query. */
function numbered(words: readonly string[]): [k: number, word: string][] {
  return words.flatMap((word, k): [number, string][] =>
    isShortId(word)
      ? [
          [k, word],
          [k, idWord(word)],
        ]
      : [[k, word]],
  )
}

/** Undefined when nothing can match: a text without a word. */
function filtersOf(list: ListQuery): { given: ReadonlySet<ListFilter>; parameters: Parameters } | undefined {
  const { customerId, currency, paymentMethod, reference, from, to, q } = list
  const words = q === undefined ? undefined : queryWords(q)
  if (words?.length === 0) return undefined
  const parameters = {
    ...(customerId !== undefined && { customerId: bigint(customerId) }),
    ...(currency !== undefined && { currency: text(currency) }),
    ...(paymentMethod !== undefined && { paymentMethod: text(paymentMethod) }),
    ...(reference !== undefined && { reference: text(reference) }),
    ...(from !== undefined && { from: text(toSqlTime(from)) }),
    ...(to !== undefined && { to: text(toSqlTime(to)) }),
  }
  const given = new Set(Object.keys(parameters) as ListFilter[])
  if (words === undefined) return { given, parameters }
  return { given: given.add('q'), parameters: { ...parameters, queryWords: json(numbered(words)) } }
}

/** One row more than the page says whether there is a next one. */
function toPage(
  query: ListQuery | SearchQuery,
  found: readonly Found[],
  positionOf: (last: Found) => readonly number[],
): Page<OrderView> {
  const page = found.slice(0, query.limit)
  const last = page.at(-1)
  return {
    items: page.map(({ view }) => view),
    nextCursor: last !== undefined && found.length > page.length ? toCursor(query, positionOf(last)) : null,
  }
}
