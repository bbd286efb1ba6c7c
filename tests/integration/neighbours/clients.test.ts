import { describe, expect, it } from 'vitest'
import { brokerForTests } from '../../support/kafka/broker-for-tests.ts'
import { openKafkaLog, skipsKafka } from '../../support/kafka/kafka-broker.ts'
import { topicOf } from '../../support/kafka/kafka-traffic.ts'
import { findJava, findPython } from '../../support/kafka/neighbours.ts'

const python = await findPython()
const java = await findJava()

describe.skipIf(skipsKafka)('records that other clients write', () => {
  const broker = brokerForTests()

  async function written(write: (topic: string) => Promise<void>): Promise<string[]> {
    const { log } = openKafkaLog([broker.address])
    await using _ = log
    const topic = await topicOf(log, 1)
    await write(topic)
    const records = await log.read(topic, 0, 0, 10)
    return records.map(({ value }) => String(value === null ? null : Buffer.from(value)))
  }

  it.skipIf(python.isMissing)('are read when written by librdkafka', async () => {
    const values = await written(async (topic) => {
      await using producer = python.start('produce.py', broker.address, topic, '{}')
      producer.tell(JSON.stringify({ value: Buffer.from('from librdkafka').toString('base64'), partition: 0 }))
      producer.end()
      await producer.ended
    })
    expect(values).toEqual(['from librdkafka'])
  })

  it.skipIf(java.isMissing)("are read when written by Kafka's own client", async () => {
    const values = await written(async (topic) => {
      await using producer = java.start('Produce.java', broker.address, topic)
      producer.tell('from Java')
      expect(await producer.says(/^\d+ \d+$/)).toBe('0 0')
      producer.end()
      await producer.ended
    })
    expect(values).toEqual(['from Java'])
  })
})
