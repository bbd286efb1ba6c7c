import { describe, expect, it } from 'vitest'
import { createDiscardLetters } from '../../../../shared/application/dead-letters/discard-letters.ts'
import type { DeadLetterQuery, DeadLetterSummary, KeptDeadLetter } from '../../../../shared/ports/dead-letters.ts'
import type { Act } from '../../../../shared/ports/redrives.ts'

const ACT: Act = { operator: 'kim', verified: false, at: '2026-01-01T00:00:00.000Z', reason: 'A load test.' }

/** Letters with the ids 1, 2, 3 …; discarding one takes `msEach`. */
function given({ dead, msEach = 0 }: { dead: number; msEach?: number }) {
  const states = new Map(Array.from({ length: dead }, (_, index) => [String(index + 1), 'dead']))
  const audit: string[] = []
  let nowMs = 0
  const discards = createDiscardLetters({
    deadLetters: {
      get: async (id) => (states.has(id) ? ({ id, state: states.get(id) } as KeptDeadLetter) : undefined),
      count: async () => [...states.values()].filter((state) => state === 'dead').length,
      list: async ({ limit, cursor = 'Infinity' }: DeadLetterQuery) => {
        const ids = [...states].filter(([id, state]) => state === 'dead' && Number(id) < Number(cursor))
        const page = ids.toReversed().slice(0, limit)
        const items = page.map(([id]) => ({ id, state: 'dead' }) as DeadLetterSummary)
        return { items, nextCursor: ids.length > limit ? (items.at(-1)?.id ?? null) : null }
      },
    },
    redrives: {
      async discardMany(ids) {
        for (const id of ids) states.set(id, 'discarded')
        nowMs += ids.length * msEach
        return ids.length
      },
    },
    maintenance: {
      async recordAct(action, target, { reason }) {
        audit.push(`${action} ${target}: ${reason}`)
      },
    },
    now: () => new Date(nowMs),
  })
  const left = () => [...states].filter(([, state]) => state === 'dead').map(([id]) => id)
  return { discards, audit, left, die: (id: string) => states.set(id, 'dead') }
}

describe('a discard of many letters', () => {
  it('runs in parts of several seconds each, and is one entry in the audit log', async () => {
    const { discards, audit, left } = given({ dead: 12_000, msEach: 1 })
    const parts = []
    for (let cursor: string | undefined | null; cursor !== null;) {
      const part = await discards.discard({ fingerprint: 'f1' }, ACT, cursor)
      parts.push(part.count)
      cursor = part.nextCursor
    }
    expect(parts).toEqual([5500, 5500, 1000])
    expect(left()).toEqual([])
    expect(audit).toEqual(['discard-many fingerprint=f1: A load test.'])
  })

  it('does not touch letters that arrive after it begins', async () => {
    const { discards, left, die } = given({ dead: 6000, msEach: 1 })
    const { nextCursor } = await discards.discard({}, ACT)
    die('6001')
    expect(await discards.discard({}, ACT, nextCursor ?? undefined)).toEqual({ count: 500, nextCursor: null })
    expect(left()).toEqual(['6001'])
  })

  it('that matches nothing is refused, and not audited', async () => {
    const { discards, audit } = given({ dead: 0 })
    await expect(discards.discard({ code: 'internal' }, ACT)).rejects.toMatchObject({ code: 'conflict' })
    await expect(discards.discard({ ids: ['7'] }, ACT)).rejects.toMatchObject({ code: 'dead-letter-not-found' })
    expect(audit).toEqual([])
  })

  it('takes each named letter once, and none when a name is wrong', async () => {
    const { discards, audit, left } = given({ dead: 3 })
    await expect(discards.discard({ ids: ['1', '9'] }, ACT)).rejects.toMatchObject({ code: 'dead-letter-not-found' })
    expect(left()).toEqual(['1', '2', '3'])
    expect(await discards.preview({ ids: ['1', '3', '1'] })).toBe(2)
    expect(await discards.discard({ ids: ['1', '3', '1'] }, ACT)).toEqual({ count: 2, nextCursor: null })
    expect(left()).toEqual(['2'])
    expect(audit).toHaveLength(1)
  })

  it('is only counted by a preview', async () => {
    const { discards, audit, left } = given({ dead: 3 })
    expect(await discards.preview({})).toBe(3)
    expect([left().length, audit]).toEqual([3, []])
  })
})
