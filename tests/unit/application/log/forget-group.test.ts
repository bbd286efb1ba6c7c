import { expect, test } from 'vitest'
import { createForgetGroup } from '../../../../shared/application/log/forget-group.ts'
import { createTopics } from '../../../../shared/messaging/topics.ts'

const ACT = { operator: 'sam', verified: false, at: '2026-01-01T00:00:00.000Z', reason: 'It was shut down.' }

function given(read: readonly string[], hasRemoval = true) {
  const acts: unknown[] = []
  const forgotten: string[] = []
  const forgetGroup = createForgetGroup({
    topics: createTopics('orders', 'processor', [1000]),
    maintenance: { recordAct: async (action, target) => void acts.push([action, target]) },
    removal: hasRemoval
      ? {
          async forgetGroup(group) {
            forgotten.push(group)
            return read
          },
        }
      : undefined,
  })
  return { forgetGroup, acts, forgotten }
}

test('A group that will not return is forgotten, and the audit says so', async () => {
  const { forgetGroup, acts } = given(['orders', 'orders-dlt'])
  expect(await forgetGroup('audit', ACT)).toEqual({ group: 'audit', topics: ['orders', 'orders-dlt'] })
  expect(acts).toEqual([['forget-group', 'audit']])
})

test.each([
  ['the product’s own', 'processor', ['orders'], true, 'conflict'],
  ['the one of its retries', 'processor-retry-1', ['orders-retry-1'], true, 'conflict'],
  ['unknown', 'audit', [], true, 'not-found'],
  ['in Kafka', 'audit', ['orders'], false, 'conflict'],
])('A group that is %s is not forgotten', async (_, group, read, hasRemoval, code) => {
  const { forgetGroup, acts, forgotten } = given(read, hasRemoval)
  await expect(forgetGroup(group, ACT)).rejects.toMatchObject({ code })
  expect(acts).toEqual([])
  if (code === 'conflict') expect(forgotten).toEqual([])
})
