import { createServer, connect, type Socket } from 'node:net'

/**
 * A TCP proxy before a broker that understands as much of Kafka's protocol as it needs: it points every address in the
 * brokers' metadata at itself, and eats answers to produce requests when told to.
 */
export interface KafkaProxy extends AsyncDisposable {
  readonly address: string
  /** The next answer to a produce request is read from the broker and never handed on; then the connection is cut. */
  eatNextAcknowledgement(): void
  readonly eaten: number
  /** Every connection breaks at once; new ones are served. */
  cut(): void
}

const PRODUCE = 0

/** The broker must advertise the proxy's port: the proxy is started first, and told of the broker afterwards. */
export async function startKafkaProxy(target: () => number): Promise<KafkaProxy & { readonly port: number }> {
  let hungry = false
  let eaten = 0
  const sockets = new Set<Socket>()

  const server = createServer((client) => {
    const broker = connect(target(), 'localhost')
    const produced = new Set<number>()
    for (const socket of [client, broker]) {
      sockets.add(socket)
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        broker.destroy()
      })
      // Which is what happens when either end goes away.
      socket.on('error', () => socket.destroy())
    }
    client.on(
      'data',
      frames((frame) => {
        // A request: length, API key, version, correlation id.
        if (frame.readInt16BE(4) === PRODUCE) produced.add(frame.readInt32BE(8))
        broker.write(frame)
      }),
    )
    broker.on(
      'data',
      frames((frame) => {
        // An answer: length, correlation id.
        if (hungry && produced.has(frame.readInt32BE(4))) {
          hungry = false
          eaten += 1
          client.destroy()
          return
        }
        client.write(frame)
      }),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('A socket has no port.')

  return {
    port: address.port,
    address: `localhost:${address.port}`,
    eatNextAcknowledgement() {
      hungry = true
    },
    get eaten() {
      return eaten
    },
    cut() {
      for (const socket of sockets) socket.destroy()
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Hands on whole frames: four bytes of length, then that many. */
function frames(onFrame: (frame: Buffer) => void): (chunk: Buffer) => void {
  let buffered = Buffer.alloc(0)
  return (chunk) => {
    buffered = Buffer.concat([buffered, chunk])
    while (buffered.length >= 4 && buffered.length >= 4 + buffered.readInt32BE(0)) {
      const end = 4 + buffered.readInt32BE(0)
      onFrame(buffered.subarray(0, end))
      buffered = buffered.subarray(end)
    }
  }
}
