import { isOrderError } from '../errors.ts'
import { bodyHash, changeJson, NEW_ORDER_TYPE, newOrderJson } from '../order-events.ts'
import { readChangeData, readNewOrderData } from '../validation/event-data.ts'
import { FORGOTTEN, shownOf } from './forgotten-data.ts'
import { BRIEF_MARK, dataIn, isForgottenValue, isStructured, readObject, type Json } from './forgotten-records.ts'

/** Those attributes of a structured-mode event that cannot hold personal data. */
const ATTRIBUTES = ['specversion', 'id', 'type', 'source', 'time', 'subject', 'datacontenttype', 'idempotencykeyhash']

/**
 * Removes personal data from the value of a record, in the log or in a dead letter. Returns the value itself if it
 * contains no personal data, or if its personal data has already been removed.
 *
 * The result is the same event without the members that hold personal data, and with an additional member, `forgotten`.
 * In an order, this member is the SHA-256 (base64url) of the event's original JSON. The hash identifies the order when
 * a copy of the original or a repeated request arrives. In a change, `forgotten` is just 1, because a hash could be
 * longer than the change. If a value cannot be read as an event, all of its content is removed.
 *
 * The value is padded with spaces to its original length, because SQLite overwrites a row in place if the length stays
 * the same. A different length may move rows to other pages, and may leave a copy of a row in a page's free space.
 */
export function forgetValue(value: Uint8Array): Uint8Array {
  if (isForgottenValue(value)) return value
  const json = readObject(value)
  const data = json && dataIn(json)
  if (data !== undefined && isImpersonal(data)) return value
  const without =
    json === undefined || !isStructured(json) ? forgetData(data) : { ...pick(json, ATTRIBUTES), data: forgetData(data) }
  const text = JSON.stringify(without)
  const isTooShort = value.length < text.length && data === undefined
  return Buffer.from((isTooShort ? '' : text).padEnd(value.length))
}

function forgetData(data: Json | undefined): Json {
  if (data === undefined) return { forgotten: BRIEF_MARK }
  return forgetOrderData(data) ?? forgetChangeData(data) ?? { forgotten: BRIEF_MARK }
}

/**
 * Keeps the other members as they were written, because the value must not grow. For example, a currency may have been
 * written as a number, which is shorter than the currency's name.
 */
function forgetOrderData(data: Json): Json | undefined {
  const order = unlessUnreadable(() => readNewOrderData(NEW_ORDER_TYPE, data))
  if (order === undefined) return undefined
  const kept = Object.keys(order).filter(
    (name) => !Object.hasOwn(FORGOTTEN, name) && !['reference', 'metadata'].includes(name),
  )
  const items = (data['orderItems'] as readonly Json[]).map((item) =>
    pick(item, Object.keys(order.orderItems[0] ?? {})),
  )
  return { ...pick(data, kept), orderItems: items, forgotten: markOf(newOrderJson(order)) }
}

function forgetChangeData(data: Json): Json | undefined {
  if (Object.hasOwn(data, 'customerId')) return undefined
  const kind = Object.hasOwn(data, 'changes') ? 'amend' : 'cancel'
  const change = unlessUnreadable(() => readChangeData(kind, data))
  if (change === undefined) return undefined
  const { expectedVersion } = change
  const changes = change.kind === 'amend' ? { changes: shownOf(change.amendment) ?? {} } : {}
  return { ...changes, ...(expectedVersion !== undefined && { expectedVersion }), forgotten: BRIEF_MARK }
}

/**
 * Whether the data is a change that contains no personal data and is written exactly as this product writes changes.
 */
function isImpersonal(data: Json): boolean {
  const kind = Object.hasOwn(data, 'changes') ? 'amend' : 'cancel'
  const change = unlessUnreadable(() => readChangeData(kind, data))
  if (change === undefined || changeJson(change) !== JSON.stringify(data)) return false
  if (change.kind === 'cancel') return change.reason === undefined
  return !Object.keys(FORGOTTEN).some((name) => Object.hasOwn(change.amendment, name))
}

function pick(json: Json, names: readonly string[]): Json {
  return Object.fromEntries(Object.entries(json).filter(([name]) => names.includes(name)))
}

function markOf(json: string): string {
  return Buffer.from(bodyHash(json), 'hex').toString('base64url')
}

/** Undefined if the data is not the event that `read` expects. */
function unlessUnreadable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (isOrderError(error)) return undefined
    throw error
  }
}
