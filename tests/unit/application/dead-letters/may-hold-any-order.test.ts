import { describe, expect, it } from 'vitest'
import { createMayHoldAnyOrder } from '../../../../shared/application/dead-letters/may-hold-any-order.ts'
import { createTopics } from '../../../../shared/messaging/topics.ts'
import type { DeadLetterState, DeadLetterSummary } from '../../../../shared/ports/dead-letters.ts'

const TOPICS = createTopics('orders', 'order-processor', [1000])

interface Letter {
  readonly orderId: string | null
  readonly state: DeadLetterState
  readonly foreign?: true
}

const UNREADABLE: Letter = { orderId: null, state: 'dead' }

/** The topic already has three letters. `kept` is the offset of the next letter to be added to the store. */
function ask(letters: readonly Letter[], { kept = 3, behindTransaction = 0 } = {}): Promise<boolean> {
  return createMayHoldAnyOrder({
    log: {
      offsets: async (topic) => {
        expect(topic).toBe(TOPICS.deadLetters)
        return [{ partition: 0, first: 0, end: 3, behindTransaction }]
      },
      committed: async (group) => {
        expect(group).toBe(TOPICS.deadLetterGroup)
        return new Map([[0, kept]])
      },
    },
    deadLetters: {
      list: async ({ state, foreign, limit }) => {
        const found = letters.filter((letter) => letter.state === state && (letter.foreign ?? false) === foreign)
        const items = found.slice(0, limit).map(({ orderId }) => ({ orderId }) as DeadLetterSummary)
        return { items, nextCursor: found.length > limit ? 'more' : null }
      },
    },
    topics: TOPICS,
  })()
}

describe('the record of an order that the store does not know', () => {
  it.each<[string, readonly Letter[]]>([
    ['dead', [{ orderId: 'an order', state: 'dead' }, UNREADABLE]],
    ['redriven', [{ ...UNREADABLE, state: 'redriven' }]],
  ])('may be in a letter without an order id that is %s', async (_, letters) => {
    expect(await ask(letters)).toBe(true)
  })

  it('is in no letter that names its order, is settled, or was written by another consumer', async () => {
    expect(
      await ask([
        { orderId: 'an order', state: 'dead' },
        { orderId: 'an order', state: 'redriven' },
        { ...UNREADABLE, state: 'resolved' },
        { ...UNREADABLE, state: 'superseded' },
        { ...UNREADABLE, state: 'discarded' },
        { ...UNREADABLE, foreign: true },
      ]),
    ).toBe(false)
  })

  it('may be in a letter that is in the topic and not kept yet', async () => {
    expect(await ask([], { kept: 2 })).toBe(true)
    expect(await ask([], { behindTransaction: 1 })).toBe(true)
    expect(await ask([])).toBe(false)
  })

  it('may be in one of the letters that are too many to look at', async () => {
    const named: Letter = { orderId: 'an order', state: 'dead' }
    expect(await ask(Array.from({ length: 1000 }, () => named))).toBe(false)
    expect(await ask(Array.from({ length: 1001 }, () => named))).toBe(true)
  })
})
