import { createServer, connect, type Socket } from 'node:net'

/**
 * A TCP proxy in front of a broker. It understands just enough of Kafka's protocol to drop the response to a produce
 * request on demand.
 */
export interface KafkaProxy extends AsyncDisposable {
  readonly address: string
  /** Drops the broker's next response to a produce request, then cuts the connection. */
  eatNextAcknowledgement(): void
  readonly eaten: number
  /** Cuts every connection; new connections are accepted. */
  cut(): void
}

const PRODUCE = 0

/** The broker must advertise the proxy's port, so the proxy starts first and learns the broker's port afterwards. */
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
      // Emitted when either end breaks the connection.
      socket.on('error', () => socket.destroy())
    }
    client.on(
      'data',
      frames((frame) => {
        // A request begins with length, API key, version and correlation id.
        if (frame.readInt16BE(4) === PRODUCE) produced.add(frame.readInt32BE(8))
        broker.write(frame)
      }),
    )
    broker.on(
      'data',
      frames((frame) => {
        // A response begins with its length and correlation id.
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

/** Forwards whole frames: four bytes of length, then the content. */
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
