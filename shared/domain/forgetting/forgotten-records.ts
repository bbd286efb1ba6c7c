import {
  bodyHash,
  changeJson,
  NEW_ORDER_TYPE,
  newOrderJson,
  readChangeData,
  readNewOrderData,
} from '../order-events.ts'
import { isOrderError } from '../errors.ts'
import { FORGOTTEN, shownOf } from './forgotten-data.ts'

/**
 * Removes personal data from the values of records, in the log and in dead letters.
 *
 * The result is the same event without the members that hold personal data, and with an additional member, `forgotten`.
 * In an order, this member is the SHA-256 (base64url) of the event's original JSON. The hash identifies the order when
 * a copy of the original or a repeated request arrives. In a change, `forgotten` is just 1, because the change may be
 * shorter than a hash. A value that cannot be read as an event loses all of its content.
 *
 * The value is padded with spaces to its original length, because SQLite overwrites a row in place if the length stays
 * the same. A different length may move rows to other pages, and may leave a copy of a row in a page's free space.
 */
type Json = Readonly<Record<string, unknown>>

const BRIEF_MARK = 1
const SPACE = 0x20
const MARK = /^[A-Za-z0-9_-]{43}$/
const CLAIM = /"customerId"\s*:\s*"?(\d{1,16})/
/**
 * In structured mode, the member with the event's data in base64, in which the digits of a customer id are not visible.
 */
export const ENCODED = 'data_base64'
/** The attributes of an event in structured mode that cannot hold personal data. */
const ATTRIBUTES = ['specversion', 'id', 'type', 'source', 'time', 'subject', 'datacontenttype', 'idempotencykeyhash']

/**
 * The customer that the value names, even if the value is not a valid order. Undefined if the value names no customer.
 */
export function claimedCustomer(value: Uint8Array | null): number | undefined {
  if (value === null) return undefined
  const json = readObject(value)
  const claimed =
    json === undefined ? CLAIM.exec(Buffer.from(value).toString('latin1'))?.[1] : dataIn(json)?.['customerId']
  const id = typeof claimed === 'string' ? Number(claimed) : claimed
  return typeof id === 'number' && Number.isSafeInteger(id) ? id : undefined
}

/** Whether the value names this customer. Most values do not even contain the digits of the id, and are not parsed. */
export function claims(value: Uint8Array | null, customerId: number): boolean {
  if (value === null) return false
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length)
  const mayClaim = bytes.includes(String(customerId)) || bytes.includes(ENCODED)
  return mayClaim && claimedCustomer(value) === customerId
}

/** Whether the value is an event whose personal data was removed. */
export function isForgottenValue(value: Uint8Array | null): boolean {
  if (value?.every((byte) => byte === SPACE) === true) return true
  const json = value === null ? undefined : readObject(value)
  const data = json && dataIn(json)
  return data !== undefined && isForgotten(data)
}

/**
 * Removes personal data from the value. Returns the value itself if it contains no personal data or has already lost
 * it.
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

/** Returns the mark of event data that has lost its personal data; undefined if there is no mark. */
export function forgottenMark(data: unknown): { readonly bodyHash: string | undefined } | undefined {
  const mark = isObject(data) ? data['forgotten'] : undefined
  if (mark === BRIEF_MARK) return { bodyHash: undefined }
  if (typeof mark !== 'string' || !MARK.test(mark)) return undefined
  return { bodyHash: Buffer.from(mark, 'base64url').toString('hex') }
}

/**
 * Adds placeholders for the members that the event's data has lost, so that the event can be read like any other event.
 */
export function withPlaceholders(data: unknown): unknown {
  if (!isObject(data)) return data
  const { changes } = data
  if (!isObject(changes)) return { ...FORGOTTEN, ...data }
  const { customerName } = FORGOTTEN
  return Object.keys(changes).length > 0 ? data : { ...data, changes: { customerName } }
}

function isForgotten(data: Json): boolean {
  if (forgottenMark(data) === undefined) return false
  const content = isObject(data['changes']) ? data['changes'] : data
  return ![...Object.keys(FORGOTTEN), 'reference', 'metadata', 'reason'].some((name) => Object.hasOwn(content, name))
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

/** Whether the data is a change without personal data, in the form in which this product writes changes. */
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

function isStructured(json: Json): boolean {
  return Object.hasOwn(json, 'specversion')
}

/** The event's data: the whole value in binary mode, or one of its members in structured mode. */
function dataIn(json: Json): Json | undefined {
  if (!isStructured(json)) return json
  const { data, [ENCODED]: base64 } = json
  if (typeof base64 === 'string') return readObject(Buffer.from(base64, 'base64'))
  return isObject(data) ? data : undefined
}

function readObject(value: Uint8Array): Json | undefined {
  try {
    const json: unknown = JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.length).toString('utf8'))
    return isObject(json) ? json : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function isObject(json: unknown): json is Json {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}
