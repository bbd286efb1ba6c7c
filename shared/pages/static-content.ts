import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { HttpRequest, HttpResponseInit } from '@azure/functions'
import { acceptsCoding } from '../http/protocol/accepts-coding.ts'
import { etagOf, unlessKnown } from '../http/protocol/answer.ts'

const compressors = {
  br: (bytes: Uint8Array) =>
    promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }) as Promise<Uint8Array>,
  gzip: (bytes: Uint8Array) => promisify(gzip)(bytes) as Promise<Uint8Array>,
  identity: async (bytes: Uint8Array) => bytes,
}
type Encoding = keyof typeof compressors

interface Encoded {
  readonly etag: string
  readonly body: Uint8Array
}

/** Serves content that does not change while the process runs. */
export type ServeStatic = (request: HttpRequest) => Promise<HttpResponseInit>

/**
 * Content that is created on the first request and compressed once for each encoding that callers accept. A failure is
 * not cached. Each encoding has its own ETag, because its bytes differ.
 */
export function createStaticContent(
  contentType: string,
  make: () => string | Promise<string | Uint8Array>,
  headers: Record<string, string> = {},
): ServeStatic {
  let made: Promise<Uint8Array> | undefined
  const encoded = new Map<Encoding, Promise<Encoded>>()

  async function encode(encoding: Encoding): Promise<Encoded> {
    made ??= toBytes(make)
    const body = await compressors[encoding](await made)
    return { etag: etagOf(body), body }
  }

  async function answerIn(encoding: Encoding): Promise<Encoded> {
    const answer = encoded.get(encoding) ?? encode(encoding)
    encoded.set(encoding, answer)
    try {
      return await answer
    } catch (error) {
      made = undefined
      encoded.delete(encoding)
      throw error
    }
  }

  return async function serve(request) {
    const encoding = preferredEncoding(request.headers.get('accept-encoding'))
    const answer = await answerIn(encoding)
    return unlessKnown(request, {
      ...answer,
      headers: {
        'content-type': contentType,
        vary: 'accept-encoding',
        'x-content-type-options': 'nosniff',
        ...(encoding !== 'identity' && { 'content-encoding': encoding }),
        ...headers,
      },
    })
  }
}

async function toBytes(make: () => string | Promise<string | Uint8Array>): Promise<Uint8Array> {
  const content = await make()
  return typeof content === 'string' ? Buffer.from(content) : content
}

function preferredEncoding(accepted: string | null): Encoding {
  if (acceptsCoding(accepted, 'br')) return 'br'
  return acceptsCoding(accepted, 'gzip') ? 'gzip' : 'identity'
}
