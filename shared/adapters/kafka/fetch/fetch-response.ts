import { createDecoder, type Decoder } from '../client/decoder.ts'
import { decodeBatches, type AbortedTransaction, type Decoded } from './record-batch.ts'

/**
 * A Fetch response, versions 4 to 11 (https://kafka.apache.org/protocol#The_Messages_Fetch), in the shape that
 * kafkajs's own decoder returns, but with a single message that carries all the records of a partition. kafkajs sees an
 * offset to continue from, and nothing that it could filter out or fail to decode.
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
  /** The offset to read next, or the requested offset if nothing was fetched. kafkajs does not know this member. */
  readonly next: number
  /** Empty when nothing was fetched. */
  readonly messages: readonly Carrier[]
}

/** The message that kafkajs gets instead of the partition's records. */
export interface Carrier {
  /** The last offset that was read, or the requested offset if its batch is unreadable. */
  readonly offset: string
  readonly isControlRecord: false
  readonly decoded: Decoded
}

/** Limits the decoded size, because a fetch of a few MiB may decompress to much more. */
const MAX_BYTES = 32 * 1024 * 1024

const FIRST_VERSION = 4
const VERSION_WITH_SESSION = 7
const VERSION_WITH_LOG_START = 5
const VERSION_WITH_PREFERRED_REPLICA = 11
const NO_BYTES = Buffer.alloc(0)
/** From version 8 on, the client has to wait when it is throttled (KIP-219). */
const VERSION_WITH_CLIENT_THROTTLE = 8

export async function decodeFetchResponse(
  payload: Buffer,
  version: number,
  requestedOffset: (topic: string, partition: number) => number,
): Promise<FetchResponse> {
  if (version < FIRST_VERSION || version > VERSION_WITH_PREFERRED_REPLICA) {
    throw new Error(`Version ${version} of Fetch is not supported: use Kafka 0.11 or later.`)
  }
  const decoder = createDecoder(payload)
  const throttleTime = decoder.readInt32()
  const [errorCode, sessionId] = version >= VERSION_WITH_SESSION ? [decoder.readInt16(), decoder.readInt32()] : [0, 0]
  const budget = { bytes: MAX_BYTES }
  const responses = []
  for (let topics = decoder.readInt32(); topics > 0; topics--) {
    const topicName = decoder.readString() ?? ''
    const partitions: FetchedPartition[] = []
    for (let left = decoder.readInt32(); left > 0; left--) {
      const head = partitionHead(decoder, version)
      const offset = requestedOffset(topicName, head.partition)
      const set = decoder.readBytes() ?? NO_BYTES
      const from = { topic: topicName, partition: head.partition, offset }
      const decoded = await decodeBatches(set, from, head.aborted, budget)
      const { next } = decoded
      partitions.push({ ...head, abortedTransactions: [], next, messages: messagesOf(decoded, offset) })
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

function partitionHead(decoder: Decoder, version: number) {
  const partition = decoder.readInt32()
  const errorCode = decoder.readInt16()
  const highWatermark = String(decoder.readInt64())
  const lastStableOffset = String(decoder.readInt64())
  if (version >= VERSION_WITH_LOG_START) decoder.readInt64()
  const aborted: AbortedTransaction[] = []
  // The length is -1 if the request did not ask for aborted transactions.
  for (let left = decoder.readInt32(); left > 0; left--) {
    aborted.push({ producerId: decoder.readInt64(), firstOffset: Number(decoder.readInt64()) })
  }
  const preferredReadReplica = version >= VERSION_WITH_PREFERRED_REPLICA ? decoder.readInt32() : -1
  return { partition, errorCode, highWatermark, lastStableOffset, aborted, preferredReadReplica }
}

function messagesOf(decoded: Decoded, asked: number): readonly Carrier[] {
  if (decoded.next === asked && decoded.unreadable === undefined) return []
  return [{ offset: String(Math.max(decoded.next - 1, asked)), isControlRecord: false, decoded }]
}
