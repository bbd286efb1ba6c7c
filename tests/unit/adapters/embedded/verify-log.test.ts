import { expect, test } from 'vitest'
import { createEmbeddedTopics } from '../../../../shared/adapters/embedded/topics.ts'
import { createVerifyLog } from '../../../../shared/adapters/embedded/file/verify-log.ts'

test('a check that ran out of time reports its progress, and the next call continues from there', async () => {
  const topics = createEmbeddedTopics()
  topics.load([{ id: 1, topic: 't', partition: 0, first: 0, end: 900 }])
  const asked: number[] = []
  let clock = 0
  const verify = createVerifyLog(
    topics,
    async (_, from) => {
      asked.push(from)
      clock += 10_000
      return { next: from + 300, records: 300, withoutChecksum: 0, damaged: [] }
    },
    () => clock,
  )
  const [part] = [await verify()]
  expect(part).toMatchObject({ well: true, partial: true })
  expect(part.detail).toContain('Only 600 of 900 records have been read so far; the others were not checked.')
  expect(part.detail).toContain('Run doctor again to continue from there.')
  const all = { name: 'records', well: true, detail: 'All 900 records were read. None of them is damaged.' }
  expect(await verify()).toEqual(all)
  expect(asked).toEqual([0, 300, 600])
})

test('a check counts the records that are left, although others were removed while it ran', async () => {
  const topics = createEmbeddedTopics()
  topics.load([{ id: 1, topic: 't', partition: 0, first: 100, end: 900 }])
  let clock = 0
  const verify = createVerifyLog(
    topics,
    async (_, from) => {
      clock += 20_000
      topics.begin(1, 500)
      return { next: from + 300, records: 300, withoutChecksum: 0, damaged: [] }
    },
    () => clock,
  )
  expect((await verify()).detail).toContain('Only 300 of 700 records have been read so far')
})
