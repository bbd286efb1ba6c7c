import type { DatabaseSync } from 'node:sqlite'
import type { ArchivedChange } from '../../../domain/archived-order.ts'
import { toHashBytes, toIdBytes } from '../database/values.ts'

/** Looks up tombstones: the ids, positions and hashes that the store keeps for archived orders and changes. */
export interface Tombstones {
  /** Whether any order is archived. */
  areAny(): boolean
  ofOrder(orderId: string): OrderTombstone | undefined
  /** Whether any archived order has an Idempotency-Key with this hash. */
  hasKey(keyHash: string): boolean
  ofChange(changeId: string): ChangeTombstone | undefined
  /** Whether any archived change has an Idempotency-Key with this hash. */
  hasChangeKey(key: Uint8Array): boolean
}

/**
 * Looks up tombstones while one batch is stored. Checks only once whether there are any tombstones, because usually
 * there are none.
 */
export interface BatchTombstones extends Omit<Tombstones, 'areAny'> {
  /** Must be called after each transaction, because orders may be archived before the next one. */
  forget(): void
}

/** If the order was discarded, every member except `archived_at` is null. */
export interface OrderTombstone {
  readonly seq: number | null
  readonly origin_topic: string | null
  readonly origin_partition: number | null
  readonly origin_offset: number | null
  readonly body_hash: Uint8Array | null
  readonly archived_at: number
}

export interface ChangeTombstone {
  readonly order_id: Uint8Array
  readonly state: ArchivedChange['state']
  readonly origin_topic: string
  readonly origin_partition: number
  readonly origin_offset: number
  readonly body_hash: Uint8Array | null
}

/** The following statements use the primary keys and the indexes on idempotency_key_hash. */
const ARE_ANY = "SELECT 1 FROM archived_orders WHERE order_id > x'' LIMIT 1"
const OF_ORDER = `
  SELECT seq, origin_topic, origin_partition, origin_offset, body_hash, archived_at FROM archived_orders
  WHERE order_id = ?`
const OF_KEY = 'SELECT 1 FROM archived_orders WHERE idempotency_key_hash = ?'
const OF_CHANGE = `
  SELECT order_id, state, origin_topic, origin_partition, origin_offset, body_hash FROM archived_changes
  WHERE change_id = ?`
const OF_CHANGE_KEY = 'SELECT 1 FROM archived_changes WHERE idempotency_key_hash = ?'

export function prepareTombstones(db: DatabaseSync): Tombstones {
  const areAny = db.prepare(ARE_ANY)
  const ofOrder = db.prepare(OF_ORDER)
  const ofKey = db.prepare(OF_KEY)
  const ofChange = db.prepare(OF_CHANGE)
  const ofChangeKey = db.prepare(OF_CHANGE_KEY)
  return {
    areAny: () => areAny.get() !== undefined,
    ofOrder: (orderId) => ofOrder.get(toIdBytes(orderId)) as OrderTombstone | undefined,
    hasKey: (keyHash) => ofKey.get(toHashBytes(keyHash)) !== undefined,
    ofChange: (changeId) => ofChange.get(toIdBytes(changeId)) as ChangeTombstone | undefined,
    hasChangeKey: (key) => ofChangeKey.get(key) !== undefined,
  }
}

export function prepareBatchTombstones(db: DatabaseSync): BatchTombstones {
  const all = prepareTombstones(db)
  let known: boolean | undefined

  function areAny(): boolean {
    known ??= all.areAny()
    return known
  }

  return {
    ofOrder: (orderId) => (areAny() ? all.ofOrder(orderId) : undefined),
    hasKey: (keyHash) => areAny() && all.hasKey(keyHash),
    // An archived change belongs to an archived order, so if there are no archived orders, there are no archived
    // changes either.
    ofChange: (changeId) => (areAny() ? all.ofChange(changeId) : undefined),
    hasChangeKey: (key) => areAny() && all.hasChangeKey(key),
    forget() {
      known = undefined
    },
  }
}
