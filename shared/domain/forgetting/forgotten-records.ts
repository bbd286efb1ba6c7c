import { FORGOTTEN } from './forgotten-data.ts'

/** Finds the records that name a customer, and those whose personal data was removed (by `forgetValue`). */

export type Json = Readonly<Record<string, unknown>>

/** In a change, the member `forgotten`. */
export const BRIEF_MARK = 1
const SPACE = 0x20
const MARK = /^[A-Za-z0-9_-]{43}$/
const CLAIM = /"customerId"\s*:\s*"?(\d{1,16})/
/**
 * In structured mode, the member with the event's data in base64, in which the digits of a customer id are not visible.
 */
export const ENCODED = 'data_base64'

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

/** Returns the mark in event data whose personal data was removed; undefined if there is no mark. */
export function forgottenMark(data: unknown): { readonly bodyHash: string | undefined } | undefined {
  const mark = isObject(data) ? data['forgotten'] : undefined
  if (mark === BRIEF_MARK) return { bodyHash: undefined }
  if (typeof mark !== 'string' || !MARK.test(mark)) return undefined
  return { bodyHash: Buffer.from(mark, 'base64url').toString('hex') }
}

/**
 * Adds placeholders for the members that were removed from the event's data, so that the event can be read like any
 * other event.
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

/** Whether the event is in structured mode, with its attributes and its data in one JSON object. */
export function isStructured(json: Json): boolean {
  return Object.hasOwn(json, 'specversion')
}

/** The event's data: the whole value in binary mode, or one of its members in structured mode. */
export function dataIn(json: Json): Json | undefined {
  if (!isStructured(json)) return json
  const { data, [ENCODED]: base64 } = json
  if (typeof base64 === 'string') return readObject(Buffer.from(base64, 'base64'))
  return isObject(data) ? data : undefined
}

/** The value as a JSON object; undefined if it is anything else. */
export function readObject(value: Uint8Array): Json | undefined {
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
