import {
  ATTRIBUTES_AT,
  BASE_SEQUENCE_AT,
  BASE_TIMESTAMP_AT,
  COUNT_AT,
  CRC_AT,
  LAST_OFFSET_DELTA_AT,
  LEADER_EPOCH_AT,
  LENGTH_AT,
  MAGIC_AT,
  MAX_TIMESTAMP_AT,
  PREFIX_BYTES,
  PRODUCER_EPOCH_AT,
  PRODUCER_ID_AT,
  RECORDS_AT,
} from '../client/batch-header.ts'
import { crc32c } from '../client/crc32c.ts'
import { createEncoder, type Encoder } from '../client/encoder.ts'
import type { OutgoingRecord } from './records.ts'
import { RecordWriter, sizeOfVarint } from './record-writer.ts'

/** The data of kafkajs's Produce request, with our records as its messages. */
export interface ProduceData {
  readonly acks: number
  readonly timeout: number
  readonly topicData: readonly {
    readonly topic: string
    readonly partitions: readonly { readonly partition: number; readonly messages: readonly OutgoingRecord[] }[]
  }[]
}

/** From version 3 on, a request contains record batches; kafkajs supports versions up to 7, which look the same. */
const FIRST_VERSION = 3
const LAST_VERSION = 7

/** A Produce request (https://kafka.apache.org/protocol#The_Messages_Produce). */
export function encodeProduceRequest({ acks, timeout, topicData }: ProduceData, version: number): Encoder {
  if (version < FIRST_VERSION || version > LAST_VERSION) {
    throw new Error(`Version ${version} of Produce is not supported: use Kafka 0.11 or later.`)
  }
  const encoder = createEncoder()
  encoder.writeString(null).writeInt16(acks).writeInt32(timeout).writeInt32(topicData.length)
  for (const { topic, partitions } of topicData) {
    encoder.writeString(topic).writeInt32(partitions.length)
    for (const { partition, messages } of partitions) {
      const batch = encodeBatch(messages)
      encoder.writeInt32(partition).writeInt32(batch.length).writeBuffer(batch)
    }
  }
  return encoder
}

/** The format's version. */
const MAGIC = 2
/** The value of fields that the broker sets, and of fields that only idempotent producers use. */
const NONE = -1

/** One batch with at least one record, uncompressed. */
export function encodeBatch(records: readonly OutgoingRecord[]): Buffer {
  const times = records.map(({ time }) => time)
  const base = Math.min(...times)
  const sizes = records.map(
    ({ time, content }, index) => 1 + sizeOfVarint(time - base) + sizeOfVarint(index) + content.length,
  )
  const length = sizes.reduce((total, size) => total + sizeOfVarint(size) + size, RECORDS_AT)
  const writer = new RecordWriter(Buffer.allocUnsafe(length))
  writer.at = RECORDS_AT
  for (const [index, { time, content }] of records.entries()) {
    writer.varint(sizes[index] ?? 0)
    writer.varint(0)
    writer.varint(time - base)
    writer.varint(index)
    writer.raw(content)
  }
  const { bytes } = writer
  bytes.writeBigInt64BE(0n, 0)
  bytes.writeInt32BE(length - PREFIX_BYTES, LENGTH_AT)
  bytes.writeInt32BE(NONE, LEADER_EPOCH_AT)
  bytes.writeInt8(MAGIC, MAGIC_AT)
  bytes.writeInt16BE(0, ATTRIBUTES_AT)
  bytes.writeInt32BE(records.length - 1, LAST_OFFSET_DELTA_AT)
  bytes.writeBigInt64BE(BigInt(base), BASE_TIMESTAMP_AT)
  bytes.writeBigInt64BE(BigInt(Math.max(...times)), MAX_TIMESTAMP_AT)
  bytes.writeBigInt64BE(BigInt(NONE), PRODUCER_ID_AT)
  bytes.writeInt16BE(NONE, PRODUCER_EPOCH_AT)
  bytes.writeInt32BE(NONE, BASE_SEQUENCE_AT)
  bytes.writeInt32BE(records.length, COUNT_AT)
  bytes.writeUInt32BE(crc32c(bytes.subarray(ATTRIBUTES_AT)), CRC_AT)
  return bytes
}
