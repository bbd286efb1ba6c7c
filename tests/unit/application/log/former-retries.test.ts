import { expect, test } from 'vitest'
import { formerRetriesOf } from '../../../../shared/application/log/former-retries.ts'
import { OrderError } from '../../../../shared/domain/errors.ts'
import { createTopics } from '../../../../shared/messaging/topics.ts'

const TOPICS = createTopics('orders', 'processor', [1000])

function logWith(existing: readonly string[]) {
  return {
    async offsets(topic: string) {
      if (!existing.includes(topic)) throw new OrderError('log-unavailable', `There is no topic ${topic}.`)
      return []
    },
  }
}

test('The retry topics that are no longer configured are found by their names', async () => {
  const log = logWith(['orders', 'orders-retry-1', 'orders-retry-2', 'orders-retry-3', 'orders-dlt'])
  expect(await formerRetriesOf(log, TOPICS)).toEqual([
    { topic: 'orders-retry-2', group: 'processor-retry-2' },
    { topic: 'orders-retry-3', group: 'processor-retry-3' },
  ])
})

test('A log that is unavailable is not taken for a log without such topics', async () => {
  await expect(formerRetriesOf(logWith([]), TOPICS)).rejects.toMatchObject({ code: 'log-unavailable' })
})
