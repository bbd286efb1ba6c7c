import { createHash, timingSafeEqual } from 'node:crypto'
import { queryValue } from './query-string.ts'

/** A key that grants access to certain functions only. */
export interface NarrowKey {
  readonly key: string
  /** Never called for functions with authLevel `admin`. */
  readonly opens: (functionName: string) => boolean
}

export interface ProtectedFunction {
  readonly name: string
  readonly authLevel: string
}

/** `refused`: the key is known, but not valid for this function. */
export type KeyVerdict = 'granted' | 'refused' | 'unknown'

export type CheckKey = (
  headers: Readonly<Record<string, string>>,
  rawQuery: string,
  wanted: ProtectedFunction,
) => KeyVerdict

/**
 * Checks the request's key, which is in the x-functions-key header or, failing that, in ?code=, as in the Azure
 * Functions runtime. The hashes of all keys are always compared in constant time, so the time taken does not reveal a
 * key's length, content or position.
 */
export function createKeyCheck(master: string, narrow: readonly NarrowKey[] = []): CheckKey {
  const expected = digest(master)
  const narrower = narrow.map(({ key, opens }) => ({ expected: digest(key), opens }))
  return (headers, rawQuery, { name, authLevel }) => {
    const given = headers['x-functions-key'] ?? queryValue(rawQuery, 'code')
    if (given === undefined) return 'unknown'
    const found = digest(given)
    const isMaster = timingSafeEqual(found, expected)
    const known = narrower.filter((one) => timingSafeEqual(found, one.expected))
    if (isMaster || (authLevel !== 'admin' && known.some(({ opens }) => opens(name)))) return 'granted'
    return known.length > 0 ? 'refused' : 'unknown'
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
