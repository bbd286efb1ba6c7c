import { decodeBatches, type AbortedTransaction, type Decoded } from './record-batch.ts'

/**
 * A response to Fetch, versions 4 to 11 (https://kafka.apache.org/protocol#The_Messages_Fetch), in the shape of kafkajs's
 * own decoder, with one message for all records of a partition: kafkajs sees an offset to go on from, and nothing to
 * filter or to fail on.
 */
export interface FetchResponse {
  readonly throttleTime: number
  readonly clientSideThrottleTime: number
  readonly errorCode: number
  readonly sessionId: number
  readonly responses: readonly { readonly topicName: string; readonly partitions: readonly FetchedPartition[] }[]
}

export interface FetchedPartition {
  readonly partition: number
  readonly errorCode: number
  readonly highWatermark: string
  readonly lastStableOffset: string
  readonly abortedTransactions: readonly never[]
  readonly preferredReadReplica: number
  /** Empty when nothing was fetched. */
  readonly messages: readonly Carrier[]
}

/** Looks like a message to kafkajs. */
export interface Carrier {
  /** The last offset that was read, or the requested one when its batch cannot be read. */
  readonly offset: string
  readonly isControlRecord: false
  readonly decoded: Decoded
}

/** The requested offset. */
export type AskedFor = (topic: string, partition: number) => number

/** A fetch asks for at most 10 MiB, which may decompress to much more. */
const MAX_BYTES = 32 * 1024 * 1024

const FIRST_VERSION = 4
const VERSION_WITH_SESSION = 7
const VERSION_WITH_LOG_START = 5
const VERSION_WITH_PREFERRED_REPLICA = 11
/** From version 8 on the client does the waiting (KIP-219). */
const VERSION_WITH_CLIENT_THROTTLE = 8

export async function decodeFetchResponse(
  payload: Buffer,
  version: number,
  askedFor: AskedFor,
): Promise<FetchResponse> {
  if (version < FIRST_VERSION || version > VERSION_WITH_PREFERRED_REPLICA) {
    throw new Error(`Version ${version} of Fetch is not supported: use Kafka 0.11 or later.`)
  }
  const answer = new Answer(payload)
  const throttleTime = answer.int32()
  const [errorCode, sessionId] = version >= VERSION_WITH_SESSION ? [answer.int16(), answer.int32()] : [0, 0]
  const budget = { bytes: MAX_BYTES }
  const responses = []
  for (let topics = answer.int32(); topics > 0; topics--) {
    const topicName = answer.text()
    const partitions: FetchedPartition[] = []
    for (let left = answer.int32(); left > 0; left--) {
      const head = partitionHead(answer, version)
      const offset = askedFor(topicName, head.partition)
      const set = answer.bytes()
      const from = { topic: topicName, partition: head.partition, offset }
      const decoded = await decodeBatches(set, from, head.aborted, budget)
      partitions.push({ ...head, abortedTransactions: [], messages: messagesOf(decoded, offset) })
    }
    responses.push({ topicName, partitions })
  }
  const isClientSide = version >= VERSION_WITH_CLIENT_THROTTLE
  return {
    throttleTime: isClientSide ? 0 : throttleTime,
    clientSideThrottleTime: isClientSide ? throttleTime : 0,
    errorCode,
    sessionId,
    responses,
  }
}

function partitionHead(answer: Answer, version: number) {
  const partition = answer.int32()
  const errorCode = answer.int16()
  const highWatermark = String(answer.int64())
  const lastStableOffset = String(answer.int64())
  if (version >= VERSION_WITH_LOG_START) answer.int64()
  const aborted: AbortedTransaction[] = []
  // -1 when the request did not ask about transactions.
  for (let left = answer.int32(); left > 0; left--) {
    aborted.push({ producerId: answer.int64(), firstOffset: Number(answer.int64()) })
  }
  const preferredReadReplica = version >= VERSION_WITH_PREFERRED_REPLICA ? answer.int32() : -1
  return { partition, errorCode, highWatermark, lastStableOffset, aborted, preferredReadReplica }
}

function messagesOf(decoded: Decoded, asked: number): readonly Carrier[] {
  if (decoded.next === asked && decoded.unreadable === undefined) return []
  return [{ offset: String(Math.max(decoded.next - 1, asked)), isControlRecord: false, decoded }]
}

/** Reads Kafka's primitive types one after another. */
class Answer {
  readonly #payload: Buffer
  #at = 0

  constructor(payload: Buffer) {
    this.#payload = payload
  }

  int16(): number {
    return this.#payload.readInt16BE(this.#advance(2))
  }

  int32(): number {
    return this.#payload.readInt32BE(this.#advance(4))
  }

  int64(): bigint {
    return this.#payload.readBigInt64BE(this.#advance(8))
  }

  text(): string {
    const length = this.int16()
    const start = this.#advance(length)
    return this.#payload.toString('utf8', start, start + length)
  }

  /** Null is read as empty. */
  bytes(): Buffer {
    const length = Math.max(0, this.int32())
    const start = this.#advance(length)
    return this.#payload.subarray(start, start + length)
  }

  #advance(bytes: number): number {
    const start = this.#at
    this.#at += bytes
    return start
  }
}
