import { claims } from '../../../domain/forgetting/forgotten-records.ts'
import type { NewOrderCommand } from '../../../domain/order-commands.ts'
import type { Held } from '../../../ports/forgetting.ts'
import { forgottenTarget } from '../../stores/forgetting/forgetting-refusals.ts'
import { hasPersonalData } from '../../stores/forgetting/forgotten-letters.ts'
import type { KeptDeadLetter } from '../../../ports/dead-letters.ts'
import { bigint, int, json, text, type Row } from '../database/connection.ts'
import type { Query } from '../database/query.ts'
import { fromSqlId } from '../database/values.ts'
import { toLetter } from '../dead-letters/letter-rows.ts'
import { heldChanges, type HeldChange } from './forgotten-customers.ts'
import {
  SELECT_LAST_LETTER,
  SELECT_LETTERS_OF_CUSTOMER,
  SELECT_ORDERS_OF_CUSTOMER,
  SELECT_ORDERS_OF_OTHERS,
  SELECT_PAYLOADS,
} from './forget-customer-sql.ts'

/** The rows of a customer, or of given orders, that still have personal data. */
export interface Found {
  readonly orders: readonly { readonly seq: string; readonly orderId: string; readonly version: number }[]
  readonly states: readonly FoundState[]
  readonly changes: readonly HeldChange[]
  readonly letters: readonly FoundLetter[]
  /** For each archived order with personal data, the archive file that contains it. */
  readonly archivedIn: readonly string[]
  /** All orders of the customer that are recorded in the store, with or without personal data. */
  readonly orderIds: readonly string[]
}

export interface FoundState {
  readonly seq: string
  readonly orderId: string
  readonly updatedAt: Date
  readonly isRetrying: boolean
  readonly order: NewOrderCommand
}

export interface FoundLetter {
  readonly seq: string
  readonly letter: KeptDeadLetter
}

/** How far the letters have been examined, in the order in which they were inserted. */
export interface Scan {
  readonly lastSeq: number
  /** The letters whose payload names the customer, with the ids of their orders. */
  readonly naming: readonly { readonly seq: string; readonly orderId: string | null }[]
}

/** The number of letters in one round trip. This number is small, because a payload may be as large as 1 MiB. */
const LETTERS_AT_ONCE = 32
export const NO_LETTERS: Scan = { lastSeq: 0, naming: [] }

export function createFinding(query: Query) {
  /** Continues after the letters that have already been examined, and does not read those again. */
  async function scanLetters(customerId: number, before: Scan): Promise<Scan> {
    const naming = [...before.naming]
    let { lastSeq } = before
    for (;;) {
      const [rows = []] = await query(SELECT_PAYLOADS, { after: bigint(lastSeq), limit: int(LETTERS_AT_ONCE) })
      for (const row of rows) {
        const values = [row['record_value'], row['edited_value']] as (Uint8Array | null)[]
        if (values.some((value) => claims(value, customerId)))
          naming.push({ seq: String(row['kept_seq']), orderId: orderIdIn(row) })
      }
      lastSeq = Number(rows.at(-1)?.['kept_seq'] ?? lastSeq)
      if (rows.length < LETTERS_AT_ONCE) return { lastSeq, naming }
    }
  }

  async function lastLetter(): Promise<number> {
    const [[row] = []] = await query(SELECT_LAST_LETTER)
    return Number(row?.['last_seq'])
  }

  async function lettersOf(orderIds: Iterable<string>, seqs: readonly string[]): Promise<FoundLetter[]> {
    const parameters = { ids: json([...orderIds]), letters: json(seqs) }
    const [rows = []] = await query(SELECT_LETTERS_OF_CUSTOMER, parameters)
    const found = rows.map((row) => ({ seq: String(row['kept_seq']), letter: toLetter(row) }))
    return found.filter(({ letter }) => hasPersonalData(letter))
  }

  /** Leaves out the orders that, according to the store, belong to another customer. */
  async function exceptOfOthers(customerId: number, orderIds: readonly string[]): Promise<string[]> {
    if (orderIds.length === 0) return []
    const [rows = []] = await query(SELECT_ORDERS_OF_OTHERS, { ids: json(orderIds), customerId: bigint(customerId) })
    const others = new Set(rows.map(orderIdIn))
    return orderIds.filter((orderId) => !others.has(orderId))
  }

  return {
    lastLetter,
    scanLetters,
    async ofCustomer(customerId: number, { naming }: Scan): Promise<Found> {
      const known = await query(SELECT_ORDERS_OF_CUSTOMER, {
        customerId: bigint(customerId),
        target: text(forgottenTarget(customerId)),
      })
      const [stored = [], unstored = [], archived = []] = known
      const ofLetters = await exceptOfOthers(
        customerId,
        naming.flatMap(({ orderId }) => orderId ?? []),
      )
      const orderIds = [...new Set([...known.flat().map((row) => orderIdIn(row) ?? ''), ...ofLetters])]
      return {
        orders: stored.filter((row) => row['forgotten'] !== true).map(toOrder),
        states: unstored.flatMap(toState),
        changes: await heldChanges(query, orderIds),
        letters: await lettersOf(
          orderIds,
          naming.map(({ seq }) => seq),
        ),
        archivedIn: archived.flatMap((row) => (row['has_data'] === true ? [String(row['archive_file'])] : [])),
        orderIds,
      }
    },
    async ofOrders(orderIds: readonly string[]): Promise<Found> {
      return {
        orders: [],
        states: [],
        changes: await heldChanges(query, orderIds),
        letters: await lettersOf(orderIds, []),
        archivedIn: [],
        orderIds,
      }
    },
  }
}

export function toHeld({ orders, states, changes, letters, archivedIn, orderIds }: Found): Held {
  return {
    orders: orders.length,
    unstored: states.length,
    retrying: states.filter(({ isRetrying }) => isRetrying).length,
    changes: changes.length,
    waitingChanges: changes.filter(({ isWaiting }) => isWaiting).length,
    deadLetters: letters.length,
    edits: letters.filter(({ letter }) => letter.editedValue !== null).length,
    archived: archivedIn.length,
    archiveFiles: [...new Set(archivedIn)].toSorted(),
    orderIds,
  }
}

function toOrder(row: Row) {
  return { seq: String(row['seq']), orderId: fromSqlId(String(row['order_id'])), version: Number(row['version']) }
}

/** Empty for an order whose content is unknown or has lost its personal data. */
function toState(row: Row): FoundState[] {
  const json = row['order_json'] as string | null
  const order = json === null ? undefined : (JSON.parse(json) as NewOrderCommand)
  if (order === undefined || order.forgotten === true) return []
  return [
    {
      seq: String(row['seq']),
      orderId: fromSqlId(String(row['order_id'])),
      updatedAt: row['updated_at'] as Date,
      isRetrying: row['status'] === 'retrying',
      order,
    },
  ]
}

function orderIdIn(row: Row): string | null {
  const id = row['order_id'] as string | null
  return id === null ? null : fromSqlId(id)
}
