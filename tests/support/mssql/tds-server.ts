import { createServer, type AddressInfo, type Socket } from 'node:net'
import {
  doneAttention,
  doneBatch,
  error,
  loginAck,
  preLogin,
  resultSets,
  transactionChange,
  type ResultSet,
} from './tds-tokens.ts'

/**
 * A login, a statement with parameters (sp_executesql), a batch of SQL text, or the beginning or end of a transaction.
 */
export interface TdsRequest {
  readonly kind: 'login' | 'query' | 'batch' | 'begin' | 'commit' | 'rollback'
  /** The number of the connection, counted from 1. */
  readonly connection: number
  /** Whether the request contains this text. */
  includes(text: string): boolean
  readonly body: Buffer
}

/** `cut` closes the connection without an answer; `silence` never answers a request, but confirms its cancellation. */
export type TdsAnswer =
  | { readonly rows: readonly ResultSet[] }
  | { readonly error: number; readonly message?: string; readonly severity?: number }
  | 'done'
  | 'cut'
  | 'silence'

export interface TdsServer extends AsyncDisposable {
  readonly port: number
  /**
   * Every request since the start, including logins and the driver's own settings; empty if the server does not keep
   * them.
   */
  readonly requests: readonly TdsRequest[]
  /** The first message of each connection. */
  readonly preLogins: readonly Buffer[]
  /** The number of open connections, and the highest number so far. */
  readonly open: number
  readonly mostOpen: number
}

const PACKET_BYTES = 4096
const HEADER_BYTES = 8
const TYPE = { batch: 0x01, rpc: 0x03, response: 0x04, attention: 0x06, transaction: 0x0e, login: 0x10, preLogin: 0x12 }
const TRANSACTION_KINDS: Readonly<Record<number, 'begin' | 'commit' | 'rollback'>> = {
  5: 'begin',
  7: 'commit',
  8: 'rollback',
}
/** Tedious sends this first on each connection. */
const SETTINGS = 'set ansi_nulls'

/** A scripted server that looks to a client's driver like a SQL Server without encryption. */
export async function startTdsServer(
  answer: (request: TdsRequest) => TdsAnswer,
  port = 0,
  { remembers = true } = {},
): Promise<TdsServer> {
  const requests: TdsRequest[] = []
  const preLogins: Buffer[] = []
  const sockets = new Set<Socket>()
  let mostOpen = 0
  let connections = 0

  const server = createServer((socket) => {
    const connection = (connections += 1)
    sockets.add(socket)
    mostOpen = Math.max(mostOpen, sockets.size)
    socket.on('close', () => sockets.delete(socket))
    // Some tests are about clients that disconnect midway.
    socket.on('error', () => socket.destroy())
    readMessages(socket, (type, body) => respond({ socket, connection }, type, body))
  })

  function respond({ socket, connection }: { socket: Socket; connection: number }, type: number, body: Buffer): void {
    if (type === TYPE.preLogin) {
      preLogins.push(body)
      return send(socket, preLogin())
    }
    if (type === TYPE.attention) {
      // The end of the cancelled request, then the confirmation.
      send(socket, doneBatch())
      return send(socket, doneAttention())
    }
    const request = toRequest(connection, type, body)
    if (remembers) requests.push(request)
    if (request.kind === 'batch' && request.includes(SETTINGS)) return send(socket, doneBatch())
    const said = answer(request)
    if (said === 'silence') return
    if (said === 'cut') {
      socket.destroy()
      return
    }
    send(socket, toTokens(request, said))
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    preLogins,
    get open() {
      return sockets.size
    },
    get mostOpen() {
      return mostOpen
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function toRequest(connection: number, type: number, body: Buffer): TdsRequest {
  const includes = (text: string) => body.includes(Buffer.from(text, 'utf16le'))
  if (type === TYPE.login) return { kind: 'login', connection, includes, body }
  if (type === TYPE.rpc) return { kind: 'query', connection, includes, body }
  if (type !== TYPE.transaction) return { kind: 'batch', connection, includes, body }
  // The body begins with the length of its headers, and the kind of the request comes right after the headers.
  return { kind: TRANSACTION_KINDS[body.readUInt16LE(body.readUInt32LE(0))] ?? 'rollback', connection, includes, body }
}

function toTokens(request: TdsRequest, said: Exclude<TdsAnswer, 'cut' | 'silence'>): Buffer {
  if (said !== 'done' && 'error' in said) {
    return error(said.error, said.message ?? `Error ${said.error}.`, said.severity ?? 16)
  }
  if (said !== 'done') return resultSets(said.rows)
  switch (request.kind) {
    case 'login':
      return loginAck()
    case 'begin':
    case 'commit':
    case 'rollback':
      return transactionChange(request.kind)
    case 'query':
      return resultSets([])
    case 'batch':
      return doneBatch()
  }
}

/** A message consists of packets, and the last one is marked. */
function readMessages(socket: Socket, onMessage: (type: number, body: Buffer) => void): void {
  let received = Buffer.alloc(0)
  let parts: Buffer[] = []
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
    while (received.length >= HEADER_BYTES && received.length >= received.readUInt16BE(2)) {
      const length = received.readUInt16BE(2)
      const type = received.readUInt8(0)
      const isLast = (received.readUInt8(1) & 1) === 1
      parts.push(received.subarray(HEADER_BYTES, length))
      received = received.subarray(length)
      if (!isLast) continue
      const body = Buffer.concat(parts)
      parts = []
      onMessage(type, body)
    }
  })
}

function send(socket: Socket, tokens: Buffer): void {
  const room = PACKET_BYTES - HEADER_BYTES
  for (let start = 0, id = 1; start < tokens.length; start += room, id += 1) {
    const part = tokens.subarray(start, start + room)
    const header = Buffer.alloc(HEADER_BYTES)
    header.writeUInt8(TYPE.response, 0)
    header.writeUInt8(start + room >= tokens.length ? 1 : 0, 1)
    header.writeUInt16BE(part.length + HEADER_BYTES, 2)
    header.writeUInt8(id & 0xff, 6)
    socket.write(Buffer.concat([header, part]))
  }
}
