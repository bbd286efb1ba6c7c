import { deadLetterId, originTopicOf } from '../../../ports/dead-letters.ts'
import type { RecordPosition } from '../../../ports/event-log.ts'
import type { ParsedBatch, ParsedOrder } from '../../stores/parsed-orders.ts'
import { isOfChange, letterPlace, toChangesJson } from '../changes/order-changes.ts'
import { toParkedJson } from '../dead-letters/parked-records-json.ts'
import { toPartitions } from '../ledger/locked-partitions.ts'
import { toStoredChangesJson, type StoredChange } from '../forgetting/forgotten-customers.ts'
import { GROUP_UNITS } from '../database/columns.ts'
import { toContentJson, toItemsJson, toWordsJson } from './content-json.ts'
import { toRounds } from './rounds.ts'
import { cut, toSqlTime } from '../database/values.ts'

/**
 * A part of a batch: the orders at these indexes, in the same sequence as the indexes, and the batch's changes unless
 * the part is for a preview.
 */
export interface Part {
  readonly batch: ParsedBatch
  /** The stored changes that lose their personal data when this batch is stored. */
  readonly storedChanges?: readonly StoredChange[]
  readonly indexes: readonly number[]
  /** Whether the part includes the ledger and the parked records. */
  readonly isWhole: boolean
  readonly preview: boolean
}

/** Whether the part needs STORE_BATCH_WITH_CHANGES. */
export function hasChanges({ batch, preview }: Part): boolean {
  if (preview) return false
  return (batch.changes?.length ?? 0) > 0 || batch.parked.some(isOfChange)
}

/** The parameter of STORE_BATCH and STORE_BATCH_WITH_CHANGES. */
export function toStoreBatchJson(part: Part): string {
  const { batch, indexes, isWhole, preview, storedChanges = [] } = part
  const group = cut(batch.groupId, GROUP_UNITS)
  const orders = indexes.map((i) => ({ i, order: orderAt(batch, i) }))
  const rounds = toRounds(orders, ({ order }) => keysOf(order))
  const places = isWhole && batch.delivered === 'origin' ? placesOf(batch, orders) : []
  const parked = isWhole ? batch.parked : []
  const parkings = parked.map((record) => ({ record, groupId: group, parkedAt: batch.now }))
  return JSON.stringify({
    groupId: group,
    now: toSqlTime(batch.now),
    preview,
    orders: orders.map(({ i, order }, index) => ({ i, round: rounds[index], ...toOrderJson(order) })),
    ...toParkedJson(parkings.filter(({ record }) => !isOfChange(record))),
    ...(hasChanges(part) && changesOf(batch, group)),
    ...(storedChanges.length > 0 && toStoredChangesJson(storedChanges)),
    // A preview decides nothing, so it locks no partition.
    partitions: preview ? [] : toPartitions(decidedPlaces(orders, batch)),
    places,
    items: orders.flatMap(({ i, order }) => toItemsJson(i, order.order.orderItems)),
    words: orders.flatMap(({ i, order }) => toWordsJson(i, order.orderId, order.order)),
  })
}

/** The indexes of the changes continue after those of the orders, so that an index identifies one order or change. */
function changesOf(batch: ParsedBatch, groupId: string) {
  const isCounted = batch.delivered === 'origin'
  const delivered = (batch.changes ?? []).map((change, index) => ({
    i: batch.orders.length + index,
    change,
    groupId,
    recordedAt: batch.now,
    isCounted,
  }))
  const parked = batch.parked.filter(isOfChange).map((record) => ({ record, groupId, parkedAt: batch.now, isCounted }))
  return toChangesJson(delivered, parked)
}

export function orderAt(batch: ParsedBatch, index: number): ParsedOrder {
  const order = batch.orders[index]
  if (order === undefined) throw new RangeError(`The batch has no order ${index}.`)
  return order
}

function toOrderJson({ orderId, order, origin, acceptedAt, bodyHash, idempotencyKeyHash, ...rest }: ParsedOrder) {
  return {
    orderId,
    ...toContentJson(order),
    acceptedAt: toSqlTime(acceptedAt),
    ...origin,
    bodyHash,
    keyHash: idempotencyKeyHash,
    letter: letterPlace(rest.redriveOf ?? rest.supersedes),
    edited: letterPlace(rest.supersedes),
  }
}

function keysOf({ orderId, idempotencyKeyHash, origin, redriveOf, supersedes }: ParsedOrder) {
  const letter = redriveOf ?? supersedes
  return [
    orderId,
    idempotencyKeyHash === null ? null : `key ${idempotencyKeyHash}`,
    `place ${deadLetterId(origin)}`,
    letter === null ? null : `place ${letter}`,
  ]
}

interface Place extends RecordPosition {
  /** The index of the order or change at this position; null for a parked record. */
  readonly i: number | null
  readonly isRedrive: boolean
}

/** The distinct positions. A parked record takes precedence over an order or change at the same position. */
function placesOf(batch: ParsedBatch, orders: readonly { i: number; order: ParsedOrder }[]): Place[] {
  const places = new Map<string, Place>()
  for (const { i, order } of orders) {
    const isRedrive = order.redriveOf !== null || order.supersedes !== null
    places.set(deadLetterId(order.origin), { ...order.origin, i, isRedrive })
  }
  for (const [index, { origin, redriveOf }] of (batch.changes ?? []).entries()) {
    places.set(deadLetterId(origin), { ...origin, i: batch.orders.length + index, isRedrive: redriveOf !== null })
  }
  for (const { origin, redriveOf } of batch.parked) {
    places.set(deadLetterId(origin), { ...origin, i: null, isRedrive: redriveOf !== null })
  }
  return [...places.values()]
}

/** The positions of the batch's records, and those of the letters that they redrive. */
function decidedPlaces(
  orders: readonly { order: ParsedOrder }[],
  { changes = [], parked }: ParsedBatch,
): RecordPosition[] {
  const redriven = [
    ...orders.map(({ order }) => order.redriveOf ?? order.supersedes),
    ...changes.map(({ redriveOf }) => redriveOf),
  ]
  const letters = redriven.flatMap((id) => letterPlace(id) ?? [])
  return [
    ...[...orders.map(({ order }) => order), ...changes, ...parked].map(({ origin }) => origin),
    ...letters.map(({ topic, ...letter }) => ({ ...letter, topic: originTopicOf(topic) })),
  ]
}
