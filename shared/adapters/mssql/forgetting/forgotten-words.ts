import { FORGOTTEN, forgetOrder } from '../../../domain/forgetting/forgotten-data.ts'
import { json } from '../database/connection.ts'
import type { Query } from '../database/query.ts'
import { toWordsJson } from '../orders/content-json.ts'
import { wordsOfOrders, type WordRow } from '../search/search-reindex.ts'
import { SELECT_WORDS_OF_ORDERS } from './forget-customer-sql.ts'
import type { Found, FoundState } from './found-data.ts'

/** The words of forgotten orders as the JSON that FORGET reads. */
export interface ForgottenWords {
  /** The words that remain in the orders' index entries. */
  readonly words: readonly WordRow[]
  /** The index entries to delete: those of words that the orders lose, and those of words whose `in_name` changes. */
  readonly gone: readonly (readonly [seq: string, word: string])[]
}

export const NO_WORDS: ForgottenWords = { words: [], gone: [] }
/** This timeout is long, because the statement reads the words of all orders. */
const READ_TIMEOUT_MS = 5 * 60_000

export async function forgottenWords(query: Query, orders: Found['orders']): Promise<ForgottenWords> {
  if (orders.length === 0) return NO_WORDS
  const seqs = json(orders.map(({ seq }) => seq))
  const [items = [], indexed = []] = await query(SELECT_WORDS_OF_ORDERS, { seqs }, READ_TIMEOUT_MS)
  const words = wordsOfOrders(
    orders.map(({ seq, orderId }) => ({
      seq,
      order_id: orderId,
      customer_name: FORGOTTEN.customerName,
      customer_last_name: FORGOTTEN.customerLastName,
      customer_email: FORGOTTEN.customerEmail,
      reference: null,
    })),
    items,
  )
  const kept = new Map(words.map(([seq, word, inName]) => [`${seq} ${word}`, inName]))
  const gone = indexed.flatMap((row): [string, string][] => {
    const [seq, word] = [String(row['order_seq']), String(row['word'])]
    return kept.get(`${seq} ${word}`) === (row['in_name'] === true ? 1 : 0) ? [] : [[seq, word]]
  })
  return { words, gone }
}

export function forgottenStateWords(states: readonly FoundState[]): WordRow[] {
  return states.flatMap(({ seq, orderId, order }) =>
    toWordsJson(0, orderId, forgetOrder(order)).map(([, word, inName]): WordRow => [seq, word, inName]),
  )
}
