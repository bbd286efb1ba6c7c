import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { REQUEST_ID } from '../../../shared/http/protocol/request-id.ts'
import type { HttpAnswer } from './http-types.ts'

/** How long a client that is still sending may take to read our answer before the connection is cut. */
const LINGER_MS = 1000

/**
 * Answers past node:http and closes the connection, where its own way would first read a request to the end: one that
 * is too large, not allowed, or no HTTP at all. The rest of what the client sends is left unread; closing at once
 * instead would reset the connection and could take the answer away from the client.
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

/** For what is wrong with HTTP itself, where the status says it all (RFC 9457 §4.2.1). */
export function statusProblem(status: number, requestId: string): HttpAnswer {
  return {
    status,
    headers: { 'content-type': 'application/problem+json', [REQUEST_ID]: requestId },
    body: JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, requestId }),
  }
}
