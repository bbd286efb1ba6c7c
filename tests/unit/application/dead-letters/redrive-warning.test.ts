import { describe, expect, it } from 'vitest'
import { createRedriveWarning } from '../../../../shared/application/dead-letters/redrive-warning.ts'
import { createTopics } from '../../../../shared/messaging/topics.ts'
import type { DeadLetterQuery, DeadLetterSummary } from '../../../../shared/ports/dead-letters.ts'
import { logIsAway } from '../../../support/fakes.ts'

const TOPICS = createTopics('orders', 'order-processor', [1000])

function warnOf({ readers = ['order-processor'], foreign = 0 }: { readers?: string[] | Error; foreign?: number }) {
  const asked: Partial<DeadLetterQuery>[] = []
  const errors: unknown[] = []
  const warn = createRedriveWarning({
    log: {
      async readers() {
        if (readers instanceof Error) throw readers
        return readers
      },
    },
    deadLetters: {
      async list(query) {
        asked.push(query)
        return { items: Array.from({ length: foreign }, () => ({}) as DeadLetterSummary), nextCursor: null }
      },
    },
    topics: TOPICS,
    onError: (error) => errors.push(error),
  })
  return { warn, asked, errors }
}

describe('the warning before a redrive', () => {
  it('names the groups that read the orders, when the selection has a letter of another consumer', async () => {
    const { warn } = warnOf({ readers: ['billing', 'order-processor', 'shipping'] })
    expect(await warn({ ids: ['orders:0:1', 'orders-dlt:2:7'] })).toEqual({
      detail: expect.stringMatching(/every consumer gets them again\. .*: billing, shipping\.$/),
      readers: ['billing', 'order-processor', 'shipping'],
    })
  })

  it.each(['orders-of-2025-dlt:0:3', 'orders-dlt@2:0:3'])(
    'is given for a letter from the dead-letter topic of an earlier log: %s',
    async (id) => {
      expect(await warnOf({}).warn({ ids: [id] })).toMatchObject({ readers: ['order-processor'] })
    },
  )

  it('is absent for our own letters', async () => {
    expect(await warnOf({}).warn({ ids: ['orders:0:1', 'orders-retry-1:0:3'] })).toBeUndefined()
    expect(await warnOf({}).warn({ code: 'internal' })).toBeUndefined()
    expect(await warnOf({ foreign: 1 }).warn({ foreign: false })).toBeUndefined()
  })

  it('checks whether a filter matches dead letters of other consumers', async () => {
    const { warn, asked } = warnOf({ foreign: 1 })
    expect((await warn({ fingerprint: 'f' }))?.detail).toMatch('No other consumer group is known to read it.')
    expect(asked).toEqual([{ fingerprint: 'f', foreign: true, state: 'dead', limit: 1 }])
  })

  it('says so when the log cannot be asked, and names a readable number of groups', async () => {
    const { warn, errors } = warnOf({ readers: logIsAway() })
    expect(await warn({ ids: ['orders-dlt:0:0'] })).toMatchObject({
      readers: null,
      detail: expect.stringMatching('could not say which'),
    })
    expect(errors).toHaveLength(1)
    const many = Array.from({ length: 300 }, (_, index) => `group-${index}`)
    expect((await warnOf({ readers: many }).warn({ foreign: true }))?.detail).toMatch(/group-19, 280 more\.$/)
  })
})
