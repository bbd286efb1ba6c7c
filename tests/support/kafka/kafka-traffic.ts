import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KafkaLog } from '../../../shared/adapters/kafka/kafka-log.ts'
import type { LogRecord } from '../../../shared/ports/event-log.ts'

/** Records for tests of the Kafka log; each is identified by its value. */
export const text = (value: Uint8Array | null) => Buffer.from(value ?? []).toString()
export const record = (value: string) => ({ key: value, value, headers: [] })

export async function topicOf(log: KafkaLog, partitions: number, replication = 1): Promise<string> {
  const name = `test-${randomUUID()}`
  const config: Record<string, string> = replication >= 3 ? { 'min.insync.replicas': '2' } : {}
  await log.ensureTopics([{ name, partitions, replication, config }])
  return name
}

export async function valuesOf(log: KafkaLog, topic: string): Promise<string[]> {
  return (await recordsOf(log, topic)).map(({ value }) => text(value))
}

/** Every record of the topic, one partition after another, each in the order of the log. */
export async function recordsOf(log: KafkaLog, topic: string): Promise<LogRecord[]> {
  const all: LogRecord[] = []
  for (const { partition, first, end } of await log.offsets(topic)) {
    for (let offset = first; offset < end;) {
      const records = await log.read(topic, partition, offset, 1000)
      all.push(...records)
      offset = (records.at(-1)?.offset ?? end) + 1
    }
  }
  return all
}

/** Twenty callers, each publishing one record after another until stopped. */
export function publishAll(log: KafkaLog, topic: string) {
  const acknowledged: string[] = []
  const refused: unknown[] = []
  const stopping = new AbortController()
  const publishers = Array.from({ length: 20 }, async (_, publisher) => {
    for (let n = 0; !stopping.signal.aborted; n++) {
      const value = `${publisher}-${n}`
      try {
        await log.publish(topic, [record(value)])
        acknowledged.push(value)
      } catch (error) {
        refused.push(error)
        await sleep(100)
      }
      await sleep(5)
    }
  })
  return {
    acknowledged,
    refused,
    async stop() {
      stopping.abort()
      await Promise.all(publishers)
    },
  }
}

/** A slow consumer, and the records that it has processed. */
export async function consume(log: KafkaLog, topic: string, groupId: string) {
  const delivered = new Set<string>()
  const errors: unknown[] = []
  const subscription = await log.subscribe({
    topic,
    groupId,
    maxBatchSize: 50,
    onBatch: async (records) => {
      await sleep(2)
      for (const { value } of records) delivered.add(text(value))
    },
    onError: (error) => errors.push(error),
  })
  return { delivered, errors, [Symbol.asyncDispose]: () => subscription[Symbol.asyncDispose]() }
}
