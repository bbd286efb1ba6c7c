import { KafkaJSProtocolError } from 'kafkajs'
import { expect, test } from 'vitest'
import type { AdminClient } from '../../../../shared/adapters/kafka/client/admin.ts'
import { kafkaUnavailable } from '../../../../shared/adapters/kafka/client/errors.ts'
import type { Lazy } from '../../../../shared/adapters/kafka/client/lazy.ts'
import type { Cluster } from '../../../../shared/adapters/kafka/client/cluster.ts'
import { alterRetention } from '../../../../shared/adapters/kafka/topics/alter-retention.ts'
import { createRetention } from '../../../../shared/adapters/kafka/topics/retention.ts'

/** A cluster that refuses every request. */
function refusing(type: string): Pick<AdminClient, 'ask'> {
  const error = new KafkaJSProtocolError(Object.assign(new Error('refused'), { type, code: 29 }))
  return { ask: async (doing) => Promise.reject(kafkaUnavailable(doing, error)) }
}

const CLUSTER: Lazy<Cluster> = {
  use: async () => expect.fail('a setting was changed'),
  drop: () => undefined,
  [Symbol.asyncDispose]: async () => undefined,
}
const SPECS = [{ name: 'orders', partitions: 1, replication: 1, config: { 'retention.ms': '129600000' } }]

test('where Kafka does not show its settings, topics are assumed to keep records for as long as they should', async () => {
  const denied = refusing('TOPIC_AUTHORIZATION_FAILED')
  expect(await createRetention(denied, 129_600_000)('orders')).toMatchObject({ maxAgeMs: 129_600_000 })
  expect(await alterRetention(denied, CLUSTER, 1000, SPECS)).toEqual([])
})

test('any other failure is an error', async () => {
  const away = refusing('BROKER_NOT_AVAILABLE')
  await expect(createRetention(away, null)('orders')).rejects.toMatchObject({ code: 'log-unavailable' })
  await expect(alterRetention(away, CLUSTER, 1000, SPECS)).rejects.toMatchObject({ code: 'log-unavailable' })
})
