import type { IncomingMessage } from 'node:http'
import { OrderError } from '../../../shared/domain/errors.ts'

/** The client disconnected before its request was complete, so no response is possible. */
export class ClientGoneError extends Error {
  override readonly name = 'ClientGoneError'
}

export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/**
 * Resolves with the whole body, or with undefined if the body is missing or empty. Rejects with `payload-too-large` as
 * soon as the size is known to exceed `maxBytes`, without reading further, and with ClientGoneError if the client
 * disconnects.
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Uint8Array | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | undefined>()
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
    reject(tooLarge(maxBytes))
    return promise
  }
  const chunks: Buffer[] = []
  let length = 0
  request.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length > maxBytes) {
      request.pause()
      request.removeAllListeners('data')
      reject(tooLarge(maxBytes))
      return
    }
    chunks.push(chunk)
  })
  request.once('end', () => {
    const [only] = chunks
    resolve(chunks.length <= 1 ? only : Buffer.concat(chunks, length))
  })
  request.once('error', (error) => reject(new ClientGoneError('The client disconnected.', { cause: error })))
  request.once('close', () => {
    if (!request.complete) reject(new ClientGoneError('The client disconnected.'))
  })
  return promise
}

function tooLarge(maxBytes: number): OrderError {
  return new OrderError('payload-too-large', `The body is larger than ${maxBytes} bytes.`)
}
