import type { OrderChange } from '../../../domain/changes/order-changes.ts'
import { forgetChange, forgetOrder } from '../../../domain/forgetting/forgotten-data.ts'
import { OrderError } from '../../../domain/errors.ts'
import type { ParkedRecord } from '../../../ports/order-store.ts'
import type { ParsedBatch } from '../../stores/parsed-orders.ts'
import { forgetParkedChange } from '../../stores/forgetting/forgotten-orders.ts'
import { json, type Row } from '../database/connection.ts'
import type { Query } from '../database/query.ts'
import { fromSqlId } from '../database/values.ts'
import { SELECT_EVENTS } from './forgotten-customers-sql.ts'

/** A batch, and the changes in the store whose personal data is removed when the batch is stored. */
export interface Delivery {
  readonly batch: ParsedBatch
  readonly storedChanges: readonly StoredChange[]
}

export interface StoredChange {
  readonly changeId: string
  readonly change: OrderChange
}

/** A change that still has its personal data. */
export interface HeldChange extends StoredChange {
  readonly isWaiting: boolean
}

/**
 * A batch is sent a third time only if another of its customers is forgotten in the meantime, which hardly ever
 * happens.
 */
const MAX_ATTEMPTS = 20

/**
 * Repeats `send` until the statement finds no data of a forgotten customer. `send` returns the result or, if such data
 * was found, the rows that the statement returned. `forget` removes the personal data to which these rows refer.
 */
export async function untilForgotten<Data, Result>(
  data: Data,
  send: (data: Data) => Promise<{ readonly forgotten: readonly Row[] } | { readonly result: Result }>,
  forget: (data: Data, rows: readonly Row[]) => Promise<Data> | Data,
): Promise<Result> {
  let current = data
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const sent = await send(current)
    if ('result' in sent) return sent.result
    current = await forget(current, sent.forgotten)
  }
  throw new OrderError('store-busy', 'Customers keep being forgotten. Try again in a moment.', { retriable: true })
}

/** The rows that a statement returned as its first result instead of taking effect; undefined if it took effect. */
export function givenBack(
  rows: readonly Row[] | undefined,
  column: 'forgotten_order' | 'forgotten_letter',
): readonly Row[] | undefined {
  return rows?.[0]?.[column] === undefined ? undefined : rows
}

/**
 * Removes the personal data of these orders from the batch, and adds their stored changes that still have such data.
 */
export async function forgetOrders(query: Query, delivery: Delivery, rows: readonly Row[]): Promise<Delivery> {
  const orderIds = rows.map((row) => fromSqlId(String(row['forgotten_order'])))
  const forgotten = new Set(orderIds)
  const { batch, storedChanges } = delivery
  const isOf = ({ orderId }: { readonly orderId: string | null }) =>
    orderId !== null && forgotten.has(orderId.toLowerCase())
  return {
    batch: {
      ...batch,
      orders: batch.orders.map((event) => (isOf(event) ? { ...event, order: forgetOrder(event.order) } : event)),
      ...(batch.changes !== undefined && {
        changes: batch.changes.map((event) => (isOf(event) ? { ...event, change: forgetChange(event.change) } : event)),
      }),
      parked: batch.parked.map((record) => (isOf(record) ? forgetParked(record) : record)),
    },
    storedChanges: distinct([
      ...storedChanges,
      ...(await heldChanges(query, orderIds)).map(({ changeId, change }) => ({
        changeId,
        change: forgetChange(change),
      })),
    ]),
  }
}

/** The changes to these orders that still have personal data. */
export async function heldChanges(query: Query, orderIds: readonly string[]): Promise<HeldChange[]> {
  if (orderIds.length === 0) return []
  const [rows = []] = await query(SELECT_EVENTS, { ids: json(orderIds) })
  return rows.map((row) => ({
    changeId: fromSqlId(String(row['change_id'])),
    change: JSON.parse(String(row['event'])) as OrderChange,
    isWaiting: row['state'] === 'waiting',
  }))
}

function forgetParked(record: ParkedRecord): ParkedRecord {
  const { order } = record
  return order === null ? forgetParkedChange(record) : { ...record, order: forgetOrder(order) }
}

function distinct(changes: readonly StoredChange[]): StoredChange[] {
  return [...new Map(changes.map((one) => [one.changeId, one])).values()]
}

/** The changes as the JSON that the statements read: numbered ids, and the changes themselves as array elements. */
export function toStoredChangesJson(changes: readonly StoredChange[]) {
  return {
    storedChanges: changes.map(({ changeId }, n) => [n, changeId]),
    storedEvents: changes.map(({ change }) => change),
  }
}
