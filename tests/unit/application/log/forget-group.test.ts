import { expect, test } from 'vitest'
import { createForgetGroup } from '../../../../shared/application/log/forget-group.ts'
import { OrderError } from '../../../../shared/domain/errors.ts'
import { createTopics } from '../../../../shared/messaging/topics.ts'

const ACT = { operator: 'sam', verified: false, at: '2026-01-01T00:00:00.000Z', reason: 'It was shut down.' }
/** The topics of two retry tiers, of which only the first is still configured. */
const EXISTING = ['orders', 'orders-retry-1', 'orders-retry-2', 'orders-dlt']

function given(read: readonly string[], { hasRemoval = true, isReading = false, isStoreDown = false } = {}) {
  const steps: string[] = []
  const forgetGroup = createForgetGroup({
    topics: createTopics('orders', 'processor', [1000]),
    log: {
      async offsets(topic) {
        if (!EXISTING.includes(topic)) throw new OrderError('log-unavailable', `There is no topic ${topic}.`)
        return []
      },
      members: async () => (isReading ? [{ address: '10.0.0.1', isHere: false, partitions: [0] }] : []),
    },
    maintenance: {
      async recordAct(action, target) {
        if (isStoreDown) throw new OrderError('store-unavailable', 'The store is down.')
        steps.push(`record ${action} ${target}`)
      },
    },
    removal: hasRemoval
      ? { topicsOf: async () => read, forgetGroup: async (group) => void steps.push(`forget ${group}`) }
      : undefined,
  })
  return { forgetGroup, steps }
}

test('A group that will not return is forgotten after the action is recorded', async () => {
  const { forgetGroup, steps } = given(['orders', 'orders-dlt'])
  expect(await forgetGroup('audit', ACT)).toEqual({ group: 'audit', topics: ['orders', 'orders-dlt'] })
  expect(steps).toEqual(['record forget-group audit', 'forget audit'])
})

test('A group is not forgotten if the action cannot be recorded', async () => {
  const { forgetGroup, steps } = given(['orders'], { isStoreDown: true })
  await expect(forgetGroup('audit', ACT)).rejects.toMatchObject({ code: 'store-unavailable' })
  expect(steps).toEqual([])
})

test.each([
  ['the product’s own', 'processor', ['orders'], {}, 'conflict'],
  ['used for the product’s retries', 'processor-retry-1', ['orders-retry-1'], {}, 'conflict'],
  ['used for the product’s former retries', 'processor-retry-2', ['orders-retry-2'], {}, 'conflict'],
  ['used for the product’s dead letters', 'processor-dlt', ['orders-dlt'], {}, 'conflict'],
  ['reading', 'audit', ['orders'], { isReading: true }, 'conflict'],
  ['unknown', 'audit', [], {}, 'not-found'],
  ['in Kafka', 'audit', ['orders'], { hasRemoval: false }, 'conflict'],
])('A group that is %s is not forgotten', async (_, group, read, state, code) => {
  const { forgetGroup, steps } = given(read, state)
  await expect(forgetGroup(group, ACT)).rejects.toMatchObject({ code })
  expect(steps).toEqual([])
})
