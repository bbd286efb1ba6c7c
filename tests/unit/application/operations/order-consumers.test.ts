import { expect, test } from 'vitest'
import {
  createOrderConsumers,
  EMPTY_FOR_MS,
  LOOK_AGAIN_MS,
} from '../../../../shared/application/operations/order-consumers.ts'
import { createVirtualClock } from '../../../support/virtual-clock.ts'

const MEMBER = { address: 'here', isHere: true, partitions: [0] }

/** A group whose number of members may change: each observation returns the next count, and the last count repeats. */
function groupOf(...counts: readonly number[]) {
  const clock = createVirtualClock(0)
  let looks = 0
  const consumers = createOrderConsumers({
    log: {
      members: async () => {
        const count = counts[Math.min(looks, counts.length - 1)] ?? 0
        looks += 1
        return Array.from({ length: count }, () => MEMBER)
      },
    },
    topic: 'orders',
    groupId: 'group',
    clock,
    signal: new AbortController().signal,
  })
  return { clock, looks: () => looks, waitedMs: () => clock.now(), count: async () => (await consumers()).length }
}

test('a present consumer is reported at once', async () => {
  const group = groupOf(2)
  expect([await group.count(), group.looks(), group.waitedMs()]).toEqual([2, 1, 0])
})

test('a consumer that rejoins is not reported as absent', async () => {
  const group = groupOf(0, 1)
  expect([await group.count(), group.looks(), group.waitedMs()]).toEqual([1, 2, LOOK_AGAIN_MS])
})

test('an absent consumer needs two observations the first time, and one from then on', async () => {
  const group = groupOf(0)
  expect([await group.count(), group.looks(), group.waitedMs()]).toEqual([0, 2, LOOK_AGAIN_MS])
  expect([await group.count(), group.looks(), group.waitedMs()]).toEqual([0, 3, LOOK_AGAIN_MS])
})

test('after a consumer was seen, an empty group needs two observations again', async () => {
  const group = groupOf(0, 0, 1, 0, 1)
  expect(await group.count()).toBe(0)
  expect(await group.count()).toBe(1)
  expect([await group.count(), group.looks()]).toEqual([1, 5])
})

test('a consumer that rejoins long after the group was empty is not reported as absent', async () => {
  const group = groupOf(0, 0, 0, 1)
  expect(await group.count()).toBe(0)
  await group.clock.sleep(EMPTY_FOR_MS, new AbortController().signal)
  expect(await group.count()).toBe(1)
})

test('concurrent questions share one lookup', async () => {
  const group = groupOf(1)
  expect(await Promise.all([group.count(), group.count()])).toEqual([1, 1])
  expect(group.looks()).toBe(1)
})
