import { orderWords } from '../../../domain/search/search-words.ts'
import { deadLetterId, originTopicOf, parseDeadLetterId } from '../../../ports/dead-letters.ts'
import type { RecordPosition } from '../../../ports/event-log.ts'
import type { OrderToStore, StoreBatch } from '../../../ports/order-store.ts'
import { toParkedJson } from '../dead-letters/parked-records-json.ts'
import { toPartitions } from '../ledger/locked-partitions.ts'
import { GROUP_UNITS, MAX_PARTITION } from '../database/columns.ts'
import { toRounds } from './rounds.ts'
import { cut, toSqlAmount, toSqlTime } from '../database/values.ts'

/** A part of a batch: the orders at these indexes, in this order. */
export interface Part {
  readonly batch: StoreBatch
  readonly indexes: readonly number[]
  /** Whether the part includes the ledger and the parked records. */
  readonly isWhole: boolean
  readonly preview: boolean
}

/** The parameter of STORE_BATCH. */
export function toStoreBatchJson({ batch, indexes, isWhole, preview }: Part): string {
  const group = cut(batch.groupId, GROUP_UNITS)
  const orders = indexes.map((i) => ({ i, order: orderAt(batch, i) }))
  const rounds = toRounds(orders, ({ order }) => keysOf(order))
  const places = isWhole && batch.delivered === 'origin' ? placesOf(batch, orders) : []
  const parked = isWhole ? batch.parked : []
  return JSON.stringify({
    groupId: group,
    now: toSqlTime(batch.now),
    preview,
    orders: orders.map(({ i, order }, index) => ({ i, round: rounds[index], ...toOrderJson(order) })),
    ...toParkedJson(parked.map((record) => ({ record, groupId: group, parkedAt: batch.now }))),
    // A preview decides nothing, so it locks no partition.
    partitions: preview ? [] : toPartitions(decidedPlaces(orders, parked)),
    places,
    items: orders.flatMap(({ i, order }) =>
      order.order.orderItems.map(({ itemCode, brand, type, size, colour, quantity, price, currencyType }, line) => ({
        i,
        line,
        itemCode,
        brand,
        type,
        size,
        colour,
        quantity,
        price: toSqlAmount(price),
        currency: currencyType,
      })),
    ),
    words: orders.flatMap(({ i, order }) =>
      [...orderWords(order.orderId, order.order)].map(([word, inName]) => [i, word, inName ? 1 : 0]),
    ),
  })
}

export function orderAt(batch: StoreBatch, index: number): OrderToStore {
  const order = batch.orders[index]
  if (order === undefined) throw new RangeError(`The batch has no order ${index}.`)
  return order
}

function toOrderJson({ orderId, order, origin, acceptedAt, bodyHash, idempotencyKeyHash, ...rest }: OrderToStore) {
  const { customerId, customerName, customerLastName, customerEmail, shippingAddress, billingAddress } = order
  return {
    orderId,
    customerId,
    customerName,
    customerLastName,
    customerEmail,
    shippingAddress,
    billingAddress,
    currency: order.currencyType,
    totalPrice: toSqlAmount(order.totalPrice),
    paymentMethod: order.paymentMethodType,
    reference: order.reference ?? null,
    metadata: order.metadata === undefined ? null : JSON.stringify(order.metadata),
    acceptedAt: toSqlTime(acceptedAt),
    ...origin,
    bodyHash,
    keyHash: idempotencyKeyHash,
    letter: letterOf(rest.redriveOf ?? rest.supersedes),
    edited: letterOf(rest.supersedes),
  }
}

/** Undefined for a malformed id and for a partition that no record can have. */
function letterOf(id: string | null): RecordPosition | undefined {
  const letter = id === null ? undefined : parseDeadLetterId(id)
  return letter !== undefined && letter.partition <= MAX_PARTITION ? letter : undefined
}

function keysOf({ orderId, idempotencyKeyHash, origin, redriveOf, supersedes }: OrderToStore) {
  const letter = redriveOf ?? supersedes
  return [
    orderId,
    idempotencyKeyHash === null ? null : `key ${idempotencyKeyHash}`,
    `place ${deadLetterId(origin)}`,
    letter === null ? null : `place ${letter}`,
  ]
}

interface Place extends RecordPosition {
  /** The index of the order from this position; null for a parked record. */
  readonly i: number | null
  readonly isRedrive: boolean
}

/** Each position once. A parked record takes precedence over an order from the same position. */
function placesOf(batch: StoreBatch, orders: readonly { i: number; order: OrderToStore }[]): Place[] {
  const places = new Map<string, Place>()
  for (const { i, order } of orders) {
    const isRedrive = order.redriveOf !== null || order.supersedes !== null
    places.set(deadLetterId(order.origin), { ...order.origin, i, isRedrive })
  }
  for (const { origin, redriveOf } of batch.parked) {
    places.set(deadLetterId(origin), { ...origin, i: null, isRedrive: redriveOf !== null })
  }
  return [...places.values()]
}

/** The positions of the batch's records, and those of the letters that they redrive. */
function decidedPlaces(orders: readonly { order: OrderToStore }[], parked: StoreBatch['parked']): RecordPosition[] {
  const letters = orders.flatMap(({ order: { redriveOf, supersedes } }) => letterOf(redriveOf ?? supersedes) ?? [])
  return [
    ...orders.map(({ order }) => order.origin),
    ...parked.map(({ origin }) => origin),
    ...letters.map(({ topic, ...letter }) => ({ ...letter, topic: originTopicOf(topic) })),
  ]
}
