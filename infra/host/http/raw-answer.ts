import type { Duplex } from 'node:stream'
import { REQUEST_ID } from '../../../shared/http/protocol/request-id.ts'
import { STATUS_CODES } from '../node-http.ts'
import type { HttpAnswer } from './http-types.ts'

/** How long a client that is still sending may take to read the response. */
const LINGER_MS = 1000

/**
 * Writes a response to the socket and closes the connection. It does not leave this to node:http, which would first
 * read the whole request, even if it is too large, refused, or not HTTP. The rest of the request is left unread.
 * Closing the socket at once would reset the connection, and the client could lose the response.
 */
export function answerAndClose(socket: Duplex, { status, headers, body = '' }: HttpAnswer): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const lines = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}\r\n`))
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`,
    ...lines,
    `date: ${new Date().toUTCString()}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n`,
  ].join('')
  socket.end(Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body)]))
  setTimeout(() => socket.destroy(), LINGER_MS).unref()
}

/** A problem without its own type, for violations of HTTP itself (RFC 9457 §4.2.1). */
export function statusProblem(status: number, requestId: string): HttpAnswer {
  return {
    status,
    headers: { 'content-type': 'application/problem+json', [REQUEST_ID]: requestId },
    body: JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, requestId }),
  }
}
