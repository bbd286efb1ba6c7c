import { createRequire } from 'node:module'

/** kafkajs's internal reader of Kafka's primitive types (https://kafka.apache.org/protocol#protocol_types). */
export interface Decoder {
  offset: number
  readInt8(): number
  readInt16(): number
  readInt32(): number
  readInt64(): bigint
  readString(): string | null
  readBytes(): Buffer | null
  readUVarInt(): number
  readUVarIntString(): string | null
  readTaggedFields(): unknown
}

const KafkajsDecoder = createRequire(import.meta.url)('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => Decoder

export function createDecoder(payload: Buffer): Decoder {
  return new KafkajsDecoder(payload)
}
