import { isUtf8 } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Server as NetServer, type AddressInfo } from 'node:net'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { OrderError } from '../../../shared/domain/errors.ts'
import { problemCodeOf, PROBLEMS, toProblem, type ProblemCode } from '../../../shared/http/protocol/problem.ts'
import { REQUEST_ID, requestIdOf } from '../../../shared/http/protocol/request-id.ts'
import { createServer } from '../node-http.ts'
import { ClientGoneError, hasBody, readBody } from './http-body.ts'
import type { HttpAnswer } from './http-types.ts'
import { answerAndClose, statusProblem } from './raw-answer.ts'
import { readTarget, type RequestTarget } from './request-target.ts'

export interface ServedRequest extends RequestTarget {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  /** May be called only once. If it rejects, the server responds with the error. */
  body(): Promise<Uint8Array | undefined>
}

export interface HttpServerOptions {
  readonly handle: (request: ServedRequest) => Promise<HttpAnswer>
  /** Called for errors from `handle` that the client did not cause. */
  readonly onFault: (error: unknown, request: { readonly method: string; readonly path: string }) => void
  /** Called for every request that is refused with a 4xx status. */
  readonly onRefusal?: (refusal: Refusal) => void
  /** Returns additional headers for all responses to requests from this origin. */
  readonly headersFor?: ((origin: string | undefined) => Readonly<Record<string, string>>) | undefined
  readonly limits?: Partial<HttpLimits> | undefined
}

export interface Refusal {
  /** Absent if the request is not valid HTTP. */
  readonly code?: ProblemCode
  readonly status: number
  /** Absent if the method could not be read. */
  readonly method?: string | undefined
  readonly requestId: string
}

export interface HttpLimits {
  /** The time limit for the head of a request; `requestTimeoutMs` applies to the whole request. */
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
}

export interface HttpServer {
  /** Rejects with Node's error if the address is not available. */
  listen(port: number, host: string): Promise<AddressInfo>
  /** Stops accepting connections. Resolves when all requests on the open connections have received a response. */
  close(): Promise<void>
  readonly inFlight: number
}

const DEFAULT_LIMITS: HttpLimits = { headersTimeoutMs: 10_000, requestTimeoutMs: 30_000 }
const MAX_BODY_BYTES = 1024 * 1024
/** The runtime's limit. */
const MAX_HEADER_BYTES = 32 * 1024
/** How long a connection may be silent, even while a request waits: longer than the longest `Prefer: wait` (30 s). */
const IDLE_TIMEOUT_MS = 120_000
const KEEP_ALIVE_MS = 72_000
const CHECKING_INTERVAL_MS = 1000
/**
 * The first turn of the event loop accepts pending connections. The second accepts those that arrived in the meantime.
 */
const TURNS_TO_ACCEPT = 2
/** How long a closing server waits for the last request on an apparently idle connection. */
const IDLE_CLOSING_MS = 500
const PROTOCOL_ERRORS: Readonly<Record<string, number>> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 }
const BEYOND_ASCII = /[\u0080-\u00ff]/
const BEYOND_LATIN1 = /[\u0100-\uffff]/
/** The server sets these headers itself. Values from a function could contradict the actual response. */
const HOP_BY_HOP = ['connection', 'content-length', 'keep-alive', 'transfer-encoding'] as const

/** An HTTP server for small installations. All sizes and times are limited. */
export function createHttpServer({ handle, onFault, onRefusal, headersFor, limits }: HttpServerOptions): HttpServer {
  const { headersTimeoutMs, requestTimeoutMs } = { ...DEFAULT_LIMITS, ...limits }
  let inFlight = 0
  let isClosing = false
  let answered: PromiseWithResolvers<void> | undefined

  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: Math.min(CHECKING_INTERVAL_MS, headersTimeoutMs),
    joinDuplicateHeaders: true,
    // `readTarget` checks the Host header and responds with a problem document; Node's own response would have no body.
    requireHostHeader: false,
  })
  server.timeout = IDLE_TIMEOUT_MS
  // A client may close its side of the connection after the request and wait for the response (RFC 9112, section 9.6).
  // Node's types lack this option.
  Object.assign(server, { httpAllowHalfOpen: true })

  async function serve(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): Promise<void> {
    inFlight += 1
    response.once('close', () => {
      inFlight -= 1
      if (inFlight === 0) answered?.resolve()
    })
    const { method = 'GET' } = request
    let path = '/'
    try {
      const target = readTarget(request)
      path = target.path
      const answer = await handle({
        ...target,
        method,
        headers: plainHeaders(request),
        async body() {
          if (!hasBody(request)) return undefined
          if (expectsContinue && Number(request.headers['content-length'] ?? 0) <= MAX_BODY_BYTES) {
            response.writeContinue()
          }
          return await readBody(request, MAX_BODY_BYTES)
        },
      })
      send(request, response, answer)
    } catch (error) {
      if (error instanceof ClientGoneError) return
      const requestId = nameOf(request)
      const code = problemCodeOf(error)
      if (PROBLEMS[code].status >= 500) onFault(error, { method, path })
      else onRefusal?.({ code, status: PROBLEMS[code].status, method, requestId })
      send(request, response, problemAnswer(error, path, requestId))
    }
  }

  function send(request: IncomingMessage, response: ServerResponse, given: HttpAnswer): void {
    if (response.destroyed) return
    const named = REQUEST_ID in given.headers ? given : withHeaders(given, { [REQUEST_ID]: nameOf(request) })
    const answer = headersFor === undefined ? named : withHeaders(named, headersFor(request.headers.origin))
    if (hasBody(request) && !request.complete) {
      // A pipelined request cannot get a response before its turn.
      if (response.socket === null) request.socket.destroy()
      else answerAndClose(response.socket, answer)
      return
    }
    const { status, body } = answer
    const headers: Record<string, string | string[] | number> = { ...(answer.headers as Record<string, string>) }
    for (const name of HOP_BY_HOP) if (name in headers) delete headers[name]
    if (status !== 204 && status !== 304) headers['content-length'] = lengthOf(body)
    if (isClosing) headers['connection'] = 'close'
    response.writeHead(status, headers)
    response.end(body)
  }

  server.on('request', (request, response) => void serve(request, response, false))
  server.on('checkContinue', (request, response) => void serve(request, response, true))
  server.on('checkExpectation', (request, response) => send(request, response, refusal(417, request)))
  // CONNECT is for proxies. Without a listener, Node would close the connection without a response.
  server.on('connect', (request, socket) => {
    // Node no longer handles errors on this socket, so a disconnect would end the process.
    socket.on('error', () => socket.destroy())
    answerAndClose(socket, refusal(400, request))
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy()
    else answerAndClose(socket, refusal(PROTOCOL_ERRORS[error.code ?? ''] ?? 400))
  })

  /** The response to a request that is not valid HTTP. `request` is undefined if it could not be read. */
  function refusal(status: number, request?: IncomingMessage): HttpAnswer {
    const requestId = request === undefined ? randomUUID() : nameOf(request)
    onRefusal?.({ status, method: request?.method, requestId })
    return statusProblem(status, requestId)
  }

  return {
    get inFlight() {
      return inFlight
    },
    async listen(port, host) {
      server.listen({ port, host })
      await once(server, 'listening')
      return server.address() as AddressInfo
    },
    async close() {
      isClosing = true
      // Accepts pending connections first, because closing the listening socket would reset them.
      for (let turn = 0; turn < TURNS_TO_ACCEPT; turn++) await nextTurn()
      // Does not use http's own close, which ends idle connections at once. A request may already be in transit on such
      // a connection, and its client would not learn the outcome. Busy connections end with their next response, which
      // carries Connection: close.
      const ended = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()))
      await Promise.race([ended, sleep(IDLE_CLOSING_MS)])
      server.close()
      // Created only after the grace period, because more requests may arrive during that time.
      answered ??= Promise.withResolvers<void>()
      if (inFlight === 0) answered.resolve()
      await answered.promise
      server.closeAllConnections()
    },
  }
}

function withHeaders(answer: HttpAnswer, more: Readonly<Record<string, string>>): HttpAnswer {
  const vary = new Set([answer.headers['vary'], more['vary']].flat().filter((value) => value !== undefined))
  const headers = { ...answer.headers, ...more, ...(vary.size > 0 && { vary: [...vary].join(', ') }) }
  return { ...answer, headers }
}

function nameOf({ headers }: IncomingMessage): string {
  return requestIdOf(headers[REQUEST_ID] as string | undefined, randomUUID())
}

/** Turns an OrderError into a problem document. Any other error becomes an internal error. */
function problemAnswer(error: unknown, path: string, requestId: string): HttpAnswer {
  const { status = 500, headers, body } = toProblem(error, path, { requestId })
  return { status, headers: headers as Record<string, string>, body: body as string }
}

/** Node returns a list only for Set-Cookie, which clients do not send. */
function plainHeaders({ headers }: IncomingMessage): Readonly<Record<string, string>> {
  const cookies = headers['set-cookie']
  const plain = (cookies === undefined ? headers : { ...headers, 'set-cookie': cookies.join(', ') }) as Record<
    string,
    string
  >
  for (const name in plain) if (BEYOND_ASCII.test(plain[name] ?? '')) return decoded(plain)
  return plain
}

function decoded(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, BEYOND_ASCII.test(value) ? asUtf8(name, value) : value]),
  )
}

/**
 * Decodes a header as UTF-8, as the runtime's server (Kestrel) does; Node decodes it as Latin-1. The fetch standard
 * does not allow characters beyond Latin-1 in headers, so a header with such characters is refused before it reaches a
 * function.
 */
function asUtf8(name: string, value: string): string {
  const bytes = Buffer.from(value, 'latin1')
  const text = bytes.toString('utf8')
  if (isUtf8(bytes) && !BEYOND_LATIN1.test(text)) return text
  const fault = 'must be UTF-8 without characters beyond Latin-1'
  throw new OrderError('invalid-request', `The header ${name} ${fault}.`, {
    violations: [{ pointer: name, detail: fault }],
  })
}

function lengthOf(body: Uint8Array | string | undefined): number {
  if (body === undefined) return 0
  return typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength
}
