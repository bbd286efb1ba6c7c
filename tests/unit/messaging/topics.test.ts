import { expect, test } from 'vitest'
import { createTopics, topicSpecs } from '../../../shared/messaging/topics.ts'

const TOPICS = createTopics('orders', 'order-processor', [1000])

test.each([
  [null, '-1'],
  [129_600_000, '129600000'],
])('records leave every topic at the age of %s ms, and for no other reason', (retentionMs, expected) => {
  const configs = topicSpecs(TOPICS, 6, 1, retentionMs).map(({ config }) => config)
  const byAge = { 'retention.ms': expected, 'retention.bytes': '-1', 'cleanup.policy': 'delete' }
  expect(configs).toEqual([0, 1, 2].map(() => expect.objectContaining(byAge)))
})
