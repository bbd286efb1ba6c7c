import { expect, test, vi } from 'vitest'
import type { Forgotten } from '../../../../shared/application/forgetting/forgotten.ts'
import { joinForgetting } from '../../../../shared/application/operations/join-forgetting.ts'
import type { Act } from '../../../../shared/ports/redrives.ts'

const ACT: Act = { operator: 'Kim', verified: false, at: '2026-02-01T00:00:00.000Z', reason: 'Asked for it.' }
const forgotten = (summary: string) => ({ summary }) as Forgotten

function setUp() {
  const calls: PromiseWithResolvers<Forgotten>[] = []
  const forget = vi.fn(async (_customerId: number, _act: Act) => {
    const call = Promise.withResolvers<Forgotten>()
    calls.push(call)
    return call.promise
  })
  return { calls, forget, joined: joinForgetting({ forget, preview: vi.fn() }) }
}

test('a repeat waits for the running request and has its outcome, but a later one starts again', async () => {
  const { calls, forget, joined } = setUp()
  const both = Promise.all([joined.forget(7, ACT), joined.forget(7, ACT)])
  expect(forget).toHaveBeenCalledTimes(1)
  calls[0]!.resolve(forgotten('done'))
  expect(await both).toEqual([{ summary: 'done' }, { summary: 'done' }])
  const later = joined.forget(7, ACT)
  expect(forget).toHaveBeenCalledTimes(2)
  calls[1]!.resolve(forgotten('again'))
  expect(await later).toEqual({ summary: 'again' })
})

test.each([
  ['for another customer', 8, ACT],
  ['by another operator', 7, { ...ACT, operator: 'Sam' }],
  ['for another reason', 7, { ...ACT, reason: 'Asked again.' }],
])('a request %s is one of its own', async (_, customerId, act) => {
  const { calls, forget, joined } = setUp()
  const both = Promise.all([joined.forget(7, ACT), joined.forget(customerId, act)])
  expect(forget.mock.calls).toEqual([
    [7, ACT],
    [customerId, act],
  ])
  for (const call of calls) call.resolve(forgotten('done'))
  await both
})

test('after a failure, the next request starts again', async () => {
  const { calls, forget, joined } = setUp()
  const both = Promise.allSettled([joined.forget(7, ACT), joined.forget(7, ACT)])
  calls[0]!.reject(new Error('the store is away'))
  expect((await both).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  void joined.forget(7, ACT)
  expect(forget).toHaveBeenCalledTimes(2)
})
