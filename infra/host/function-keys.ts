import { createHash, timingSafeEqual } from 'node:crypto'
import { queryValue } from './query-string.ts'

/**
 * Whether a request carries the key: in the header x-functions-key, else as ?code=, as the runtime looks for it. Hashes
 * are compared, so that neither the length nor the content of the key shows in the time it takes.
 */
export function createKeyCheck(key: string): (headers: Readonly<Record<string, string>>, rawQuery: string) => boolean {
  const expected = digest(key)
  return (headers, rawQuery) => {
    const given = headers['x-functions-key'] ?? queryValue(rawQuery, 'code')
    return given !== undefined && timingSafeEqual(digest(given), expected)
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
