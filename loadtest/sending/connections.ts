import { Client, type Dispatcher } from 'undici'

export interface RequestToSend {
  readonly method: 'GET' | 'POST' | 'PATCH'
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** How an exchange ended: with a response, or with a broken connection. */
export type Outcome = { readonly status: number; readonly body: string } | { readonly error: Error }

/** A connection that carries one request at a time, and reconnects if it breaks. */
export interface Connection {
  /** `ended` is called once. */
  send(request: RequestToSend, ended: (outcome: Outcome) => void): void
  /** Ends the exchange with an error. */
  abort(reason: Error): void
  close(): Promise<void>
}

/** Connections that all phases share, because opening new ones would count as latency. */
export class Connections implements AsyncDisposable {
  readonly #url: string
  readonly #free: Connection[] = []

  constructor(url: string) {
    this.#url = url
  }

  take(count: number): Connection[] {
    const taken = this.#free.splice(0, count)
    while (taken.length < count) taken.push(openConnection(this.#url))
    return taken
  }

  giveBack(connections: readonly Connection[]): void {
    this.#free.push(...connections)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#free.splice(0).map((connection) => connection.close()))
  }
}

/** Closes the connections when `work` has settled. */
export async function withConnections<T>(url: string, work: (connections: Connections) => Promise<T>): Promise<T> {
  const connections = new Connections(url)
  try {
    return await work(connections)
  } finally {
    await connections[Symbol.asyncDispose]()
  }
}

// The sender decides when a response is too late.
const OPTIONS: Client.Options = { pipelining: 1, headersTimeout: 0, bodyTimeout: 0 }

function openConnection(url: string): Connection {
  const { origin, pathname } = new URL(url)
  const base = pathname.replace(/\/+$/, '')
  let client = new Client(origin, OPTIONS)
  let settle: ((outcome: Outcome) => void) | undefined

  return {
    send({ method, path, headers, body = null }, ended) {
      const settleOnce = (outcome: Outcome) => {
        if (settle !== settleOnce) return
        settle = undefined
        ended(outcome)
      }
      settle = settleOnce
      client.dispatch({ method, path: base + path, headers: { ...headers }, body }, handlerOf(settleOnce))
    },
    abort(error) {
      // Destroys the whole client, because a client that is still connecting has no exchange to abort. The new
      // client is created first, because `ended` may send the next request at once.
      const broken = client
      client = new Client(origin, OPTIONS)
      settle?.({ error })
      void broken.destroy(error)
    },
    close: () => client.destroy(),
  }
}

function handlerOf(settle: (outcome: Outcome) => void): Dispatcher.DispatchHandler {
  const chunks: Buffer[] = []
  let status = 0
  return {
    onRequestStart: () => undefined,
    onResponseStart(_controller, statusCode) {
      status = statusCode
    },
    onResponseData(_controller, chunk) {
      chunks.push(chunk)
    },
    onResponseEnd: () => settle({ status, body: Buffer.concat(chunks).toString() }),
    onResponseError: (_controller, error) => settle({ error }),
  }
}
