import { expect, test } from 'vitest'
import { createEmbeddedTopics } from '../../../../shared/adapters/embedded/topics.ts'

test('a partition that is loaded again is where the file says, and never moves back', () => {
  const topics = createEmbeddedTopics()
  const load = (first: number, end: number) => topics.load([{ id: 1, topic: 't', partition: 0, first, end }])
  load(0, 10)
  load(4, 12)
  expect(topics.byId(1)).toMatchObject({ first: 4, end: 12 })
  load(0, 10)
  expect(topics.byId(1)).toMatchObject({ first: 4, end: 12 })
})
