import type { HttpRequest } from '@azure/functions'
import { OrderError } from '../../domain/errors.ts'

export const MAX_BODY_BYTES = 1024 * 1024

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** A JSON merge patch (RFC 7396), the only format that PATCH accepts. */
export const MERGE_PATCH = 'application/merge-patch+json'

/**
 * The JSON value in a request, of any JSON media type or only of `mediaType`. Throws `unsupported-media-type`,
 * `payload-too-large` or `malformed-json`. A `malformed-json` error gives the position of the fault, but never quotes
 * the body.
 */
export async function readJson(request: HttpRequest, mediaType?: string): Promise<unknown> {
  requireJson(request.headers.get('content-type'), mediaType)
  requirePlain(request.headers.get('content-encoding'))
  if (Number(request.headers.get('content-length')) > MAX_BODY_BYTES) throw tooLarge()
  const bytes = await request.arrayBuffer()
  if (bytes.byteLength > MAX_BODY_BYTES) throw tooLarge()
  if (bytes.byteLength === 0) throw new OrderError('malformed-json', whyEmpty(request))
  return parse(decode(bytes))
}

/** The Functions runtime drops chunked bodies, so the message explains that the body did not arrive. */
function whyEmpty({ headers }: HttpRequest): string {
  const inPieces = headers.has('transfer-encoding')
  return inPieces ? 'No body arrived. Send it with a content-length header, not in chunks.' : 'The body is empty.'
}

/**
 * Whether the request has a body. When in doubt, assumes that there is one, because an overlooked body would count as
 * empty. HTTP/2 requires neither content-length nor transfer-encoding.
 */
export function hasBody({ headers }: HttpRequest): boolean {
  const length = headers.get('content-length')
  return length === null ? headers.has('transfer-encoding') || headers.has('content-type') : Number(length) > 0
}

function requireJson(contentType: string | null, mediaType: string | undefined): void {
  const [type = '', ...parameters] = (contentType ?? '').toLowerCase().split(';')
  const isJson = mediaType === undefined ? isAnyJson(type.trim()) : type.trim() === mediaType
  const charset = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith('charset='))
  const isUtf8 = charset === undefined || /^charset="?utf-?8"?$/.test(charset)
  if (isJson && isUtf8) return
  const wanted = mediaType ?? 'application/json'
  throw new OrderError(
    'unsupported-media-type',
    contentType === null ? `Send the header content-type: ${wanted}.` : `Send content-type: ${wanted}, in UTF-8.`,
  )
}

function isAnyJson(type: string): boolean {
  return type === 'application/json' || /^application\/[\w.!#$&^-]+\+json$/.test(type)
}

/** A compressed body could far exceed the limit once decompressed. */
function requirePlain(contentEncoding: string | null): void {
  if (contentEncoding === null || /^\s*(?:identity)?\s*$/i.test(contentEncoding)) return
  throw new OrderError('unsupported-media-type', 'Send the body as it is, without a content-encoding header.')
}

function decode(bytes: ArrayBuffer): string {
  try {
    return utf8.decode(bytes)
  } catch (error) {
    throw new OrderError('malformed-json', 'The body is not UTF-8.', { cause: error })
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new OrderError('malformed-json', `The body is not JSON${placeOf(error, text)}.`, { cause: error })
  }
}

/**
 * V8 reports `… at position 17 (line 1 column 18)`; the rest of its message quotes the body, which must not be exposed.
 */
function placeOf(error: unknown, text: string): string {
  const message = error instanceof Error ? error.message : ''
  const place = /\(line \d+ column \d+\)/.exec(message)?.[0]
  if (place !== undefined) return ` ${place}`
  return message.includes('end of JSON') ? `: it ends too early, after ${text.length} characters` : ''
}

function tooLarge(): OrderError {
  return new OrderError('payload-too-large', `The body is larger than ${MAX_BODY_BYTES} bytes.`)
}
