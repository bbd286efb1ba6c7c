import { Kafka, logLevel } from 'kafkajs'
import { expect, it } from 'vitest'
import { createLazyCluster } from '../../../../shared/adapters/kafka/client/cluster.ts'
import { createReader } from '../../../../shared/adapters/kafka/fetch/reader.ts'

it('keeps topics that do not exist off the shared connection, because they would fail every request on it', async () => {
  const connected: unknown[] = []
  const client = new Kafka({
    brokers: () => {
      connected.push('asked')
      throw new Error('Nobody may connect.')
    },
    logLevel: logLevel.NOTHING,
  })
  const reader = createReader({
    cluster: createLazyCluster(client, () => undefined),
    admin: {
      assertExists: (topic) => Promise.reject(new Error(`${topic} is missing`)),
      offsets: async () => [],
    },
    timeoutMs: 100,
  })
  await expect(reader.highWatermarks('nobody-made-this')).rejects.toThrow('nobody-made-this is missing')
  await expect(reader.read('nobody-made-this', 0, 0, 1)).rejects.toThrow('nobody-made-this is missing')
  expect(connected).toEqual([])
})
