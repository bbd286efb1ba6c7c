import type { DatabaseSync } from 'node:sqlite'
import type { ArchivedChange, ArchivedEntry, ArchivedOrder } from '../../../domain/archived-order.ts'
import { fromTenThousandths } from '../../../domain/money.ts'
import type { OrderChange } from '../../../domain/changes/order-changes.ts'
import type { NewOrderCommand } from '../../../domain/order-commands.ts'
import { createOrderRows } from '../../stores/order-rows.ts'
import type { Row } from '../../stores/rows.ts'
import { CONVERSIONS, fromHashBytes, fromIdBytes, fromMs, toIdList } from '../database/values.ts'

/** The documents of orders that may be archived, by order id. Other orders are left out. */
export type ReadDocuments = (orderIds: readonly string[]) => Map<string, ArchivedOrder>

const IDS = '(SELECT unhex(value) FROM json_each(?))'
/** Nothing of the order `o` is still to be decided. Uses order_changes_by_order and dead_letters_by_order. */
export const IS_SETTLED = `
  NOT EXISTS (SELECT 1 FROM order_changes c WHERE c.order_id = o.order_id
    AND (c.state NOT IN ('applied', 'rejected', 'discarded') OR c.early = 1))
  AND NOT EXISTS (SELECT 1 FROM dead_letters d WHERE d.order_id = o.order_id AND d.state IN ('dead', 'redriven'))`
/** The position of the order that was stored last must not be given out again. */
export const IS_NOT_LAST = 'o.seq < (SELECT max(seq) FROM orders)'
/** These use the unique indexes on order_id, and the indexes by order. */
const ORDERS = `SELECT o.* FROM orders o WHERE o.order_id IN ${IDS} AND ${IS_NOT_LAST} AND ${IS_SETTLED}`
const ITEMS = `
  SELECT i.* FROM orders o CROSS JOIN order_items i ON i.order_seq = o.seq WHERE o.order_id IN ${IDS}
  ORDER BY i.order_seq, i.line`
const STATES = `
  SELECT o.* FROM order_states o
  WHERE o.order_id IN ${IDS} AND o.status = 'discarded' AND o.accepted_at IS NOT NULL AND ${IS_SETTLED}`
const CHANGES = `SELECT * FROM order_changes WHERE order_id IN ${IDS} ORDER BY seq`
const HISTORY = `
  SELECT order_id, at AS happened_at, kind, attempt, next_attempt_at, cause_code, cause_detail, reason
  FROM order_history WHERE order_id IN ${IDS} ORDER BY entry`
const CHANGE_HISTORY = `
  SELECT order_id, at AS happened_at, kind, attempt, next_attempt_at, cause_code, cause_detail, reason, change_id, version
  FROM order_change_history WHERE order_id IN ${IDS} ORDER BY entry`

const { toAggregate } = createOrderRows({ ...CONVERSIONS, fromAmount: fromTenThousandths })

export function prepareDocuments(db: DatabaseSync): ReadDocuments {
  const selectOrders = db.prepare(ORDERS)
  const selectItems = db.prepare(ITEMS)
  const selectStates = db.prepare(STATES)
  const selectChanges = db.prepare(CHANGES)
  const selectHistory = db.prepare(HISTORY)
  const selectChangeHistory = db.prepare(CHANGE_HISTORY)

  return (orderIds) => {
    const list = toIdList(orderIds)
    const items = Map.groupBy(selectItems.all(list), (item) => item['order_seq'])
    const changes = byOrder(selectChanges.all(list))
    const history = byOrder(selectHistory.all(list))
    const ofChanges = byOrder(selectChangeHistory.all(list))

    function document(row: Row, parts: Pick<ArchivedOrder, 'order' | 'stored' | 'discarded'>): ArchivedOrder {
      const orderId = fromIdBytes(row['order_id'] as Uint8Array)
      const entries = [...(history.get(orderId) ?? []), ...(ofChanges.get(orderId) ?? [])]
      return {
        orderId,
        acceptedAt: fromMs(Number(row['accepted_at'])),
        ...parts,
        changes: (changes.get(orderId) ?? []).map(toChange),
        history: entries.map(toEntry),
      }
    }

    const documents = [
      ...selectOrders.all(list).map((row) => {
        const { content } = toAggregate(row, items.get(row['seq']) ?? [])
        return document(row, { order: content, stored: toStoredPart(row), discarded: null })
      }),
      ...selectStates.all(list).map((row) => {
        const order = textOf(row['order_json'])
        const content = order === null ? null : (JSON.parse(order) as NewOrderCommand)
        return document(row, { order: content, stored: null, discarded: toDiscardedPart(row) })
      }),
    ]
    return new Map(documents.map((one) => [one.orderId, one]))
  }
}

function byOrder<R extends Row>(rows: readonly R[]): Map<string, R[]> {
  return Map.groupBy(rows, (row) => fromIdBytes(row['order_id'] as Uint8Array))
}

function toStoredPart(row: Row): NonNullable<ArchivedOrder['stored']> {
  return {
    storedAt: fromMs(Number(row['stored_at'])),
    origin: toOrigin(row),
    bodyHash: fromHashBytes(row['body_hash'] as Uint8Array),
    idempotencyKeyHash: hashOf(row['idempotency_key_hash']),
    recovered: row['recovered'] === 1,
    version: Number(row['version']),
    cancelledAt: timeOf(row['cancelled_at']),
    cancellationReason: textOf(row['cancellation_reason']),
  }
}

function toDiscardedPart(row: Row): NonNullable<ArchivedOrder['discarded']> {
  return {
    attempt: Number(row['attempt']),
    maxAttempts: Number(row['max_attempts']),
    cause: { code: String(row['cause_code']), detail: String(row['cause_detail']) },
    updatedAt: fromMs(Number(row['updated_at'])),
  }
}

function toChange(row: Row): ArchivedChange {
  const event = textOf(row['event'])
  return {
    changeId: fromIdBytes(row['change_id'] as Uint8Array),
    kind: row['kind'] as ArchivedChange['kind'],
    state: row['state'] as ArchivedChange['state'],
    change: event === null ? null : (JSON.parse(event) as OrderChange),
    bodyHash: hashOf(row['body_hash']),
    idempotencyKeyHash: hashOf(row['idempotency_key_hash']),
    origin: toOrigin(row),
    acceptedAt: timeOf(row['accepted_at']),
    updatedAt: fromMs(Number(row['updated_at'])),
    version: numberOf(row['version']),
    cause: causeOf(row),
    attempt: Number(row['attempt']),
  }
}

function toEntry(row: Row): ArchivedEntry {
  const changeId = row['change_id'] as Uint8Array | undefined
  return {
    at: fromMs(Number(row['happened_at'])),
    kind: row['kind'] as ArchivedEntry['kind'],
    attempt: numberOf(row['attempt']),
    nextAttemptAt: timeOf(row['next_attempt_at']),
    cause: causeOf(row),
    reason: textOf(row['reason']),
    changeId: changeId === undefined ? null : fromIdBytes(changeId),
    version: numberOf(row['version']),
  }
}

function toOrigin(row: Row): { topic: string; partition: number; offset: number } {
  const { origin_topic: topic, origin_partition: partition, origin_offset: offset } = row
  return { topic: String(topic), partition: Number(partition), offset: Number(offset) }
}

function causeOf(row: Row): { code: string; detail: string } | null {
  const code = textOf(row['cause_code'])
  return code === null ? null : { code, detail: textOf(row['cause_detail']) ?? '' }
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function numberOf(value: unknown): number | null {
  return value == null ? null : Number(value)
}

function timeOf(value: unknown): string | null {
  return value === null ? null : fromMs(Number(value))
}

function hashOf(value: unknown): string | null {
  return value === null ? null : fromHashBytes(value as Uint8Array)
}
