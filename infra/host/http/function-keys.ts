import { createHash, timingSafeEqual } from 'node:crypto'
import { queryValue } from './query-string.ts'

/** A key beside the one that opens everything. */
export interface NarrowKey {
  readonly key: string
  /** By name. It never opens a function of authLevel `admin`. */
  readonly opens: (functionName: string) => boolean
}

export interface ProtectedFunction {
  readonly name: string
  readonly authLevel: string
}

/** Of a request for a function that demands a key: `refused` has one that is known and opens other functions. */
export type KeyVerdict = 'granted' | 'refused' | 'unknown'

export type CheckKey = (
  headers: Readonly<Record<string, string>>,
  rawQuery: string,
  wanted: ProtectedFunction,
) => KeyVerdict

/**
 * What the key of a request opens: the one in the header x-functions-key, else in ?code=, as the runtime looks for it.
 * Hashes are compared, and always those of all keys, so that neither the length nor the content of one, nor which it is,
 * shows in the time it takes.
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
