import { once } from 'node:events'
import { connect } from 'node:net'

const PRODUCE = 0
/** The last version of the request that does not use the flexible encoding. */
const VERSION = 8
const TIMEOUT_MS = 10_000

/**
 * Writes record batches unchanged. No client does that, so this sends the request itself
 * (https://kafka.apache.org/protocol#The_Messages_Produce). Resolves with Kafka's error code, which is 0 once the
 * batches are in the log.
 */
export async function produceRaw(port: number, topic: string, partition: number, batches: Buffer): Promise<number> {
  const body = Buffer.concat([
    // No transactional id; acks from all replicas; one topic with one partition.
    int16(-1),
    int16(-1),
    int32(TIMEOUT_MS),
    int32(1),
    text(topic),
    int32(1),
    int32(partition),
    int32(batches.length),
    batches,
  ])
  const head = Buffer.concat([int16(PRODUCE), int16(VERSION), int32(1), text('raw')])
  const socket = connect(port, 'localhost')
  try {
    socket.write(Buffer.concat([int32(head.length + body.length), head, body]))
    let answer = Buffer.alloc(0)
    while (answer.length < 4 || answer.length < 4 + answer.readInt32BE(0)) {
      const [chunk] = (await once(socket, 'data', { signal: AbortSignal.timeout(TIMEOUT_MS) })) as [Buffer]
      answer = Buffer.concat([answer, chunk])
    }
    // Skips the length, the correlation id, the number of topics, the topic's name, the number of partitions and the
    // partition.
    return answer.readInt16BE(4 + 4 + 4 + text(topic).length + 4 + 4)
  } finally {
    socket.destroy()
  }
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function text(value: string): Buffer {
  return Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)])
}
