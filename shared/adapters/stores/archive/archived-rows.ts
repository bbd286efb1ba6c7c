import type { ArchivedChange, ArchivedEntry, ArchivedOrder } from '../../../domain/archived-order.ts'
import type { OrderChange } from '../../../domain/changes/order-changes.ts'
import type { NewOrderCommand } from '../../../domain/order-commands.ts'
import { createOrderRows } from '../order-rows.ts'
import type { Conversions, Row } from '../rows.ts'

/** The rows that belong to one order. Each list is in the order in which its rows were written. */
export interface RowsOfOrder {
  readonly changes: readonly Row[]
  readonly history: readonly Row[]
  readonly changeHistory: readonly Row[]
}

/** Converts rows to the documents of an archive. The columns have the same names in both stores. */
export interface ArchivedRows {
  /** `order` is a row of the orders table. */
  readonly toStoredDocument: (order: Row, items: readonly Row[], rows: RowsOfOrder) => ArchivedOrder
  /** `state` is the order_states row of a discarded order whose acceptance time is known. */
  readonly toDiscardedDocument: (state: Row, rows: RowsOfOrder) => ArchivedOrder
}

export function createArchivedRows<Id, Time>(
  conversions: Conversions<Id, Time> & {
    readonly fromAmount: (amount: number) => number
    readonly fromHash: (hash: unknown) => string
  },
): ArchivedRows {
  const { fromId, fromTime, fromHash } = conversions
  const { toAggregate } = createOrderRows(conversions)

  const idOf = (value: unknown) => fromId(value as Id)
  const timeOf = (value: unknown) => fromTime(value as Time)

  function toChange(row: Row): ArchivedChange {
    return {
      changeId: idOf(row['change_id']),
      kind: row['kind'] as ArchivedChange['kind'],
      state: row['state'] as ArchivedChange['state'],
      change: orNull(row['event'], (event) => JSON.parse(String(event)) as OrderChange),
      bodyHash: orNull(row['body_hash'], fromHash),
      idempotencyKeyHash: orNull(row['idempotency_key_hash'], fromHash),
      origin: toOrigin(row),
      acceptedAt: orNull(row['accepted_at'], timeOf),
      updatedAt: timeOf(row['updated_at']),
      version: orNull(row['version'], Number),
      cause: causeOf(row),
      attempt: Number(row['attempt']),
    }
  }

  function toEntry(row: Row): ArchivedEntry {
    return {
      at: timeOf(row['happened_at']),
      kind: row['kind'] as ArchivedEntry['kind'],
      attempt: orNull(row['attempt'], Number),
      nextAttemptAt: orNull(row['next_attempt_at'], timeOf),
      cause: causeOf(row),
      reason: orNull(row['reason'], String),
      changeId: orNull(row['change_id'], idOf),
      version: orNull(row['version'], Number),
    }
  }

  function toDocument(
    row: Row,
    parts: Pick<ArchivedOrder, 'order' | 'stored' | 'discarded'>,
    { changes, history, changeHistory }: RowsOfOrder,
  ): ArchivedOrder {
    return {
      orderId: idOf(row['order_id']),
      acceptedAt: timeOf(row['accepted_at']),
      ...parts,
      changes: changes.map(toChange),
      history: [...history, ...changeHistory].map(toEntry),
    }
  }

  return {
    toStoredDocument(order, items, rows) {
      const stored = {
        storedAt: timeOf(order['stored_at']),
        origin: toOrigin(order),
        bodyHash: fromHash(order['body_hash']),
        idempotencyKeyHash: orNull(order['idempotency_key_hash'], fromHash),
        recovered: Boolean(order['recovered']),
        version: Number(order['version']),
        cancelledAt: orNull(order['cancelled_at'], timeOf),
        cancellationReason: orNull(order['cancellation_reason'], String),
      }
      return toDocument(order, { order: toAggregate(order, items).content, stored, discarded: null }, rows)
    },
    toDiscardedDocument(state, rows) {
      const discarded = {
        attempt: Number(state['attempt']),
        maxAttempts: Number(state['max_attempts']),
        cause: { code: String(state['cause_code']), detail: String(state['cause_detail']) },
        updatedAt: timeOf(state['updated_at']),
      }
      const order = orNull(state['order_json'], (json) => JSON.parse(String(json)) as NewOrderCommand)
      return toDocument(state, { order, stored: null, discarded }, rows)
    },
  }
}

function orNull<T>(value: unknown, convert: (value: unknown) => T): T | null {
  return value == null ? null : convert(value)
}

function toOrigin(row: Row): { topic: string; partition: number; offset: number } {
  const { origin_topic: topic, origin_partition: partition, origin_offset: offset } = row
  return { topic: String(topic), partition: Number(partition), offset: Number(offset) }
}

function causeOf(row: Row): { code: string; detail: string } | null {
  const code = orNull(row['cause_code'], String)
  return code === null ? null : { code, detail: orNull(row['cause_detail'], String) ?? '' }
}
