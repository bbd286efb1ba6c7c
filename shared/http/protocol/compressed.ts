import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { HttpRequest, HttpResponseInit } from '@azure/functions'
import { acceptsCoding } from './accepts-coding.ts'

/** Less than this fits in one packet as it is. */
const MIN_LENGTH = 1400
/** Level 6 takes half as long again, and saves one byte in twenty. */
const LEVEL = 4

const compress = promisify(gzip)

/**
 * A long JSON answer in gzip for a caller who accepts it: neither the Functions runtime nor every gateway compresses. One
 * with an ETag stays as it is, because the tag is of its very bytes.
 */
export async function compressed(request: HttpRequest, answer: HttpResponseInit): Promise<HttpResponseInit> {
  const { body, headers } = answer
  if (typeof body !== 'string' || body.length < MIN_LENGTH) return answer
  const given = (headers ?? {}) as Readonly<Record<string, string>>
  if (!given['content-type']?.startsWith('application/json') || 'etag' in given) return answer
  const varied = { ...given, vary: withEncoding(given['vary']) }
  if (!acceptsCoding(request.headers.get('accept-encoding'), 'gzip')) return { ...answer, headers: varied }
  return {
    ...answer,
    headers: { ...varied, 'content-encoding': 'gzip' },
    body: await compress(body, { level: LEVEL }),
  }
}

/** A list that says `*`, or names the header, says so already. */
function withEncoding(vary: string | undefined): string {
  if (vary === undefined) return 'accept-encoding'
  const names = vary.split(',').map((name) => name.trim().toLowerCase())
  return names.includes('*') || names.includes('accept-encoding') ? vary : `${vary}, accept-encoding`
}
