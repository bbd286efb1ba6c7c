import { fromCursor, toPage } from '../../../domain/cursor.ts'
import { toHistory, type OrderView } from '../../../domain/order-view.ts'
import { idWord, isShortId, queryWords } from '../../../domain/search/search-words.ts'
import type { KnownOrder } from '../../../ports/order-store.ts'
import type { ListQuery, OrderViews, Page } from '../../../ports/order-views.ts'
import { createChangeQueries, type ChangeQueries } from '../changes/change-views.ts'
import { bigint, int, json, text, type Parameters } from '../database/connection.ts'
import { toHistoryEntry, toRemovedEntry, toStored, toUnstored, type Found } from './view-rows.ts'
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
import { fromSqlId, fromSqlTime, isOrderId, toSqlBound } from '../database/values.ts'

export interface OrderQueries extends Omit<OrderViews, 'archivedAt'>, ChangeQueries {
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

  return {
    ...createChangeQueries(query),
    getMany,
    get: async (orderId) => (await getMany([orderId])).get(orderId),
    async list(list) {
      const [before] = fromCursor(list, ['number']) ?? [Number.MAX_SAFE_INTEGER]
      const filters = filtersOf(list)
      if (filters === undefined) return EMPTY
      const { status, limit } = list
      const parameters = { ...filters.parameters, before: bigint(before), limit: int(limit + 1) }
      if (status === undefined || status === 'stored' || status === 'cancelled') {
        const [orders = [], items = []] = await query(selectStoredList(filters.given), parameters)
        return toPage(list, toStored(orders, items), viewOf, ({ seq }) => [seq])
      }
      const [states = []] = await query(selectStateList(filters.given), { ...parameters, status: text(status) })
      return toPage(list, toUnstored(states), viewOf, ({ seq }) => [seq])
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
      return toPage(search, toStored(orders, items), viewOf, ({ rank, seq }) => [rank, seq])
    },
    async history(orderId) {
      const view = (await getMany([orderId])).get(orderId)
      if (view === undefined && !isOrderId(orderId)) return undefined
      const [own = [], ofChanges = [], removed = []] = await query(SELECT_HISTORY, { orderId: text(orderId) })
      if (view !== undefined) {
        const ofOrder = [...own.map(toHistoryEntry), ...removed.map(toRemovedEntry)]
        return toHistory(view, ofOrder, ofChanges.map(toHistoryEntry))
      }
      return ofChanges.length === 0 ? undefined : ofChanges.map(toHistoryEntry)
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

const viewOf = ({ view }: Found) => view

/** The input of DECLARE_WORDS. Words with the same number are alternatives for one word of the query. */
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

/** Returns undefined if no order can match, because `q` contains no words. */
function filtersOf(list: ListQuery): { given: ReadonlySet<ListFilter>; parameters: Parameters } | undefined {
  const { customerId, currency, paymentMethod, reference, from, to, q, status } = list
  const words = q === undefined ? undefined : queryWords(q)
  if (words?.length === 0) return undefined
  const parameters = {
    ...(customerId !== undefined && { customerId: bigint(customerId) }),
    ...(currency !== undefined && { currency: text(currency) }),
    ...(paymentMethod !== undefined && { paymentMethod: text(paymentMethod) }),
    ...(reference !== undefined && { reference: text(reference) }),
    ...(from !== undefined && { from: text(toSqlBound(from)) }),
    ...(to !== undefined && { to: text(toSqlBound(to)) }),
  }
  const given = new Set(Object.keys(parameters) as ListFilter[])
  if (status === 'cancelled') given.add('cancelled')
  if (status === 'stored') given.add('notCancelled')
  if (words === undefined) return { given, parameters }
  return { given: given.add('q'), parameters: { ...parameters, queryWords: json(numbered(words)) } }
}
