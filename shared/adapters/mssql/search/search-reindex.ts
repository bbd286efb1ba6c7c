import { setTimeout as sleep } from 'node:timers/promises'
import type { NewOrderCommand } from '../../../domain/order-commands.ts'
import { orderWords, type Searchable } from '../../../domain/search/search-words.ts'
import { bigint, int, json, type Row } from '../database/connection.ts'
import type { Query } from '../database/query.ts'
import { ADD_TO_ORDERS, ADD_TO_STATES, END_REINDEX, REPEAT_REINDEX, SELECT_LACKING } from './search-reindex-sql.ts'
import { fromSqlId } from '../database/values.ts'

/** `[seq, word, whether the word is in the customer's name]`. */
export type WordRow = readonly [seq: string, word: string, inName: 0 | 1]

/** `ended` if every order has all its words, `waiting` if orders that lack words may still appear. */
type Step = 'done' | 'waiting' | 'ended'

interface ReindexOptions {
  readonly query: Query
  /** Once the signal is aborted, the work stops after the current step. */
  readonly signal: AbortSignal
  readonly onWarning: (message: string) => void
  readonly pauses?: { readonly stepMs: number; readonly waitMs: number }
}

const ORDERS_AT_ONCE = 100
/** A transaction ends with the order that reaches this limit, so that it takes few locks. */
const MAX_WORDS = 2000
/** The pauses leave time for storing orders, and for other instances that do the same work. */
const PAUSES = { stepMs: 50, waitMs: 60_000 }

/**
 * Adds the missing words to orders that were stored by an earlier version, which did not index all words. Several
 * instances may run this at once. If a step fails, `onWarning` is called and the step is repeated. Resolves when no
 * order is left or the signal is aborted.
 */
export async function reindex({ query, signal, onWarning, pauses = PAUSES }: ReindexOptions): Promise<void> {
  const pause = (ms: number) => sleep(ms, undefined, { signal, ref: false }).catch(() => undefined)
  while (!signal.aborted) {
    let step: Step
    try {
      step = await reindexSome(query)
    } catch (error) {
      if (signal.aborted) return
      onWarning(`Orders that an earlier version stored could not be indexed for search; trying again: ${String(error)}`)
      step = 'waiting'
    }
    if (step === 'ended') return
    await pause(step === 'done' ? pauses.stepMs : pauses.waitMs)
  }
}

async function reindexSome(query: Query): Promise<Step> {
  const [[progress] = [], states = [], orders = [], items = []] = await query(SELECT_LACKING, {
    limit: int(ORDERS_AT_ONCE),
  })
  if (progress === undefined) return 'ended'
  const [lastState, last] = [Number(progress['last_state_seq']), Number(progress['last_seq'])]
  if (states.length > 0) return add(query, ADD_TO_STATES, lastState, states, wordsOfState)
  if (orders.length > 0) return add(query, ADD_TO_ORDERS, last, orders, createWordsOfOrder(items))
  if (progress['may_end'] !== true) return 'waiting'
  const isLastTime = progress['is_last_time'] === true
  await query(isLastTime ? END_REINDEX : REPEAT_REINDEX, { lastState: bigint(lastState), last: bigint(last) })
  return isLastTime ? 'ended' : 'done'
}

async function add(
  query: Query,
  statement: string,
  after: number,
  rows: readonly Row[],
  wordsOf: (row: Row) => readonly WordRow[],
): Promise<Step> {
  const words: WordRow[] = []
  let last = after
  for (const row of rows) {
    for (const word of wordsOf(row)) words.push(word)
    last = Number(row['seq'])
    if (words.length >= MAX_WORDS) break
  }
  await query(statement, { after: bigint(after), last: bigint(last), words: json(words) })
  return 'done'
}

function wordsOfState({ seq, order_id: id, order_json: order }: Row): WordRow[] {
  return typeof order === 'string' ? wordRows(seq, id, JSON.parse(order) as NewOrderCommand) : []
}

export function wordsOfOrders(orders: readonly Row[], items: readonly Row[]): WordRow[] {
  return orders.flatMap(createWordsOfOrder(items))
}

function createWordsOfOrder(items: readonly Row[]): (row: Row) => WordRow[] {
  const ofOrders = Map.groupBy(items, (item) => String(item['order_seq']))
  return (row) =>
    wordRows(row['seq'], row['order_id'], {
      customerName: String(row['customer_name']),
      customerLastName: String(row['customer_last_name']),
      customerEmail: String(row['customer_email']),
      reference: row['reference'] as string | null,
      orderItems: (ofOrders.get(String(row['seq'])) ?? []).map(toItem),
    })
}

function toItem(row: Row): Searchable['orderItems'][number] {
  const { item_code: itemCode, ...item } = row as Row & { readonly item_code: string }
  return { ...(item as Omit<Searchable['orderItems'][number], 'itemCode'>), itemCode }
}

function wordRows(seq: unknown, id: unknown, order: Searchable): WordRow[] {
  const words = orderWords(fromSqlId(String(id)), order)
  return Array.from(words, ([word, inName]) => [String(seq), word, inName ? 1 : 0])
}
