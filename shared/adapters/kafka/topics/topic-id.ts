import { askPatiently } from '../client/ask.ts'
import type { Cluster } from '../client/cluster.ts'
import { createDecoder } from '../client/decoder.ts'
import type { Lazy } from '../client/lazy.ts'
import { createEncoder } from '../client/encoder.ts'
import { protocolError, sendOwn, type Exchange } from '../client/own-request.ts'

const METADATA = 3
const WITH_IDS = 10
const UUID_BYTES = 16
const NO_TAGS = Buffer.of(0)

/**
 * The topic's id, which distinguishes a recreated topic from the earlier topic of the same name (KIP-516); null if the
 * broker is too old to have ids. kafkajs 2.2.4 requests metadata in version 6, which has no ids, so this sends a
 * request in version 10. Rejects with `log-unavailable`.
 */
export function topicId(cluster: Lazy<Cluster>, timeoutMs: number, topic: string): Promise<string | null> {
  return askPatiently(timeoutMs, `Asking Kafka for the id of ${topic}`, () =>
    cluster.use(async (connected) => (await sendOwn(connected, metadataOf(topic))) ?? null),
  )
}

/** Version 10 of Metadata is flexible (KIP-482): its headers end with tagged fields, which kafkajs does not support. */
function metadataOf(topic: string): Exchange<string | null> {
  return {
    request: {
      apiKey: METADATA,
      apiVersion: WITH_IDS,
      apiName: 'Metadata',
      encode: async () =>
        createEncoder()
          .writeBuffer(NO_TAGS) // end of the header
          .writeBuffer(Buffer.of(2)) // one topic, because a length is encoded as length + 1
          .writeBuffer(Buffer.alloc(UUID_BYTES)) // no id, because the request identifies the topic by name
          .writeUVarIntString(topic)
          .writeBuffer(NO_TAGS)
          .writeBuffer(Buffer.of(0, 0, 0)) // do not create the topic or list permissions
          .writeBuffer(NO_TAGS),
    },
    response: {
      decode: async (payload) => readId(payload),
      parse: async (id) => id,
    },
  }
}

/** Reads the response as far as the first topic's id. */
function readId(payload: Buffer): string | null {
  const decoder = createDecoder(payload)
  decoder.readTaggedFields()
  decoder.readInt32() // throttle time
  for (let brokers = decoder.readUVarInt(); brokers > 1; brokers -= 1) {
    decoder.readInt32()
    decoder.readUVarIntString()
    decoder.readInt32()
    decoder.readUVarIntString()
    decoder.readTaggedFields()
  }
  decoder.readUVarIntString() // cluster
  decoder.readInt32() // controller
  decoder.readUVarInt() // topics
  const error = protocolError(decoder.readInt16())
  if (error !== undefined) throw error
  decoder.readUVarIntString() // name
  const id = payload.subarray(decoder.offset, decoder.offset + UUID_BYTES)
  return id.every((byte) => byte === 0) ? null : id.toString('hex')
}
