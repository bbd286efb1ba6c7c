import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Reply } from '../../../shared/threads/serve-file.ts'
import type { Plan } from '../../support/disk/failing-file-worker.ts'

const [FULL, FAILED_FLUSH, CORRUPT] = [13, 10 | (4 << 8), 11]

let worker: Worker
beforeEach(() => {
  worker = new Worker(new URL('../../support/disk/failing-file-worker.ts', import.meta.url))
})
afterEach(async () => void (await worker.terminate()))

async function ask(plan: Plan): Promise<Reply> {
  worker.postMessage({ id: 1, method: 'work', args: [plan] })
  return heard()
}

async function heard(): Promise<Reply> {
  const [reply] = (await once(worker, 'message')) as [Reply]
  return reply
}

const steps = async () => {
  const reply = await ask({})
  return 'result' in reply ? reply.result : reply
}

test('a file that can be repaired stays open, and one that cannot is closed and reopened', async () => {
  expect(await ask({ work: FULL })).toMatchObject({ error: { message: 'work failed' } })
  expect(await steps()).toEqual(['open', 'work', 'mend', 'tidy', 'work'])
  expect(await ask({ work: FULL, mend: CORRUPT })).toMatchObject({ error: { message: 'work failed' } })
  expect(await steps()).toEqual(expect.arrayContaining(['close']))
  expect(await ask({ work: FULL, mend: CORRUPT, close: FULL })).not.toHaveProperty('inDoubt')
  expect(await steps()).toEqual(expect.arrayContaining(['open']))
})

test('a file that is opened for one answer is closed after it, and reopened by the next request', async () => {
  await ask({ once: true })
  expect(await steps()).toEqual(['open', 'work', 'tidy', 'close', 'open', 'work'])
})

test.each([
  ['work', { work: FAILED_FLUSH }],
  ['mending', { work: FULL, mend: FAILED_FLUSH }],
  ['closing what cannot be mended', { work: FULL, mend: CORRUPT, close: FAILED_FLUSH }],
])('after a flush that failed in %s everything is refused, and nothing is closed any more', async (_, plan) => {
  const reply = await ask(plan)
  expect(reply).toMatchObject({ error: { message: 'work failed' }, inDoubt: true })
  const later = await ask({})
  expect(later).toMatchObject({ error: { message: expect.stringMatching(/failed$/) as string }, inDoubt: true })
  const told: unknown[] = []
  worker.on('message', (message) => told.push(message))
  worker.postMessage('close')
  await once(worker, 'exit')
  expect(told).toEqual([])
})

test.each([
  ['tidying', { tidy: FAILED_FLUSH }, 'tidy failed'],
  ['closing', { close: FAILED_FLUSH }, 'close failed'],
])('a flush that failed in %s is reported though nobody asked', async (name, plan, message) => {
  expect(await ask(plan)).toHaveProperty('result')
  if (name === 'closing') worker.postMessage('close')
  expect(await heard()).toMatchObject({ id: -1, error: { message }, inDoubt: true })
})

test('other failures of tidying are retried after the next answer', async () => {
  expect(await ask({ tidy: FULL })).toHaveProperty('result')
  expect(await steps()).toEqual(['open', 'work', 'tidy', 'work'])
})
