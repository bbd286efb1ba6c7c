import { createRequire } from 'node:module'

/** kafkajs's internal writer of Kafka's primitive types (https://kafka.apache.org/protocol#protocol_types). */
export interface Encoder {
  writeBoolean(value: boolean): Encoder
  writeBuffer(bytes: Buffer): Encoder
  writeInt8(value: number): Encoder
  writeInt16(value: number): Encoder
  writeInt32(value: number): Encoder
  writeString(text: string | null): Encoder
  writeUVarIntString(text: string): Encoder
  writeArray(elements: readonly Encoder[]): Encoder
}

const KafkajsEncoder = createRequire(import.meta.url)('kafkajs/src/protocol/encoder') as new () => Encoder

export function createEncoder(): Encoder {
  return new KafkajsEncoder()
}
