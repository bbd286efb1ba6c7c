import { expect, test } from 'vitest'
import { inPacedSteps } from '../../../../shared/adapters/stores/archive/paced-steps.ts'

/** Runs steps that take `msPerOrder` per order. */
async function run(orders: number, msPerOrder: number) {
  let nowMs = 0
  const steps: number[] = []
  const pauses: number[] = []
  const passed: number[] = []
  const pace = {
    now: () => nowMs,
    async sleep(ms: number) {
      pauses.push(ms)
      nowMs += ms
    },
  }
  const step = async (some: readonly number[]) => {
    steps.push(some.length)
    passed.push(...some)
    nowMs += some.length * msPerOrder
  }
  const all = Array.from({ length: orders }, (_, n) => n)
  await inPacedSteps(all, step, pace)
  return { steps, pauses, tookMs: nowMs, isWhole: passed.join() === all.join() }
}

test('steps grow until a transaction takes as long as it may', async () => {
  expect(await run(60, 0.5)).toMatchObject({ steps: [5, 20, 20, 15], isWhole: true })
  expect(await run(60, 0.01)).toMatchObject({ steps: [5, 25, 25, 5], isWhole: true })
})

test('steps shrink if the store is slow, and still pass every order', async () => {
  const { steps, isWhole } = await run(23, 100)
  expect([steps, isWhole]).toEqual([[5, 5, 5, 5, 3], true])
})

test('pauses as long as each step took, except after the last one', async () => {
  const { steps, pauses, tookMs } = await run(40, 4)
  expect(pauses).toEqual(steps.slice(0, -1).map((size) => size * 4))
  expect(tookMs).toBeLessThan(2 * 40 * 4)
})

test('never pauses for longer than a second', async () => {
  expect((await run(10, 1000)).pauses).toEqual([1000])
})
