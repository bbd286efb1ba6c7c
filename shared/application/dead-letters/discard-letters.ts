import type { DeadLetters, WhichLetters } from '../../ports/dead-letters.ts'
import type { Maintenance } from '../../ports/maintenance.ts'
import type { Act, Redrives } from '../../ports/redrives.ts'
import { deadAmong, noneIsDead } from './dead-among.ts'

export interface Discarded {
  /** Letters that this part of the act discarded. */
  readonly count: number
  /** Its time was up before there were none left: the same act goes on from here. Null at the end. */
  readonly nextCursor: string | null
}

export interface DiscardLetters {
  /** How many letters the act would discard now. Rejects with `dead-letter-not-found` for an id that names none. */
  preview(which: WhichLetters): Promise<number>
  /**
   * Discards every letter that matches and is `dead`, newest first. A letter that dies after the act began is not
   * discarded. The audit has one line of the whole act, which says which letters, and one of each letter.
   *
   * Whoever asked waits for the answer, so an act of many letters is several calls: each goes on for some seconds, and
   * the next one begins at its cursor. What was discarded stays so when none comes. Without a cursor it rejects with
   * `conflict` when no letter is `dead`, and with `dead-letter-not-found` for an id that names none.
   */
  discard(which: WhichLetters, act: Act, cursor?: string): Promise<Discarded>
}

const MAX_DISCARD_MS = 5000
/** Letters found and discarded before the time is looked at again. */
const LETTERS_AT_ONCE = 500
/** What the audit's column takes, with room to spare. */
const MAX_TARGET_LENGTH = 200

export function createDiscardLetters(dependencies: {
  deadLetters: Pick<DeadLetters, 'get' | 'list' | 'count'>
  redrives: Pick<Redrives, 'discardMany'>
  maintenance: Pick<Maintenance, 'recordAct'>
  now: () => Date
}): DiscardLetters {
  const { deadLetters, redrives, maintenance, now } = dependencies

  return {
    async preview(which) {
      if ('ids' in which) return (await deadIdsOf(which.ids)).length
      return deadLetters.count({ ...which, state: 'dead' })
    },
    async discard(which, act, cursor) {
      if ('ids' in which) {
        const dead = await deadIdsOf(which.ids)
        await begin(which, act, dead)
        return { count: await redrives.discardMany(dead, act), nextCursor: null }
      }
      const until = now().getTime() + MAX_DISCARD_MS
      let count = 0
      for (let next: string | undefined = cursor; ;) {
        const page = { limit: LETTERS_AT_ONCE, ...(next !== undefined && { cursor: next }) }
        const { items, nextCursor } = await deadLetters.list({ ...which, ...page, state: 'dead' })
        const ids = items.map(({ id }) => id)
        if (next === undefined) await begin(which, act, ids)
        count += await redrives.discardMany(ids, act)
        if (nextCursor === null || now().getTime() > until) return { count, nextCursor }
        next = nextCursor
      }
    },
  }

  /** Audited before the first letter is touched: an act that ends halfway is on record, too. */
  async function begin(which: WhichLetters, act: Act, dead: readonly string[]): Promise<void> {
    if (dead.length === 0) throw noneIsDead()
    await maintenance.recordAct('discard-many', describe(which), act)
  }

  async function deadIdsOf(ids: readonly string[]): Promise<readonly string[]> {
    const dead: string[] = []
    for await (const letters of deadAmong(deadLetters, [...new Set(ids)])) dead.push(...letters.map(({ id }) => id))
    return dead
  }
}

/** Which letters an act is about, for its line of the audit, such as `fingerprint=1f2e3d4c5b6a7988`. */
function describe(which: WhichLetters): string {
  if ('ids' in which) return `${which.ids.length} named`
  const filters = Object.entries(which).map(([name, value]) => `${name}=${String(value)}`)
  return (filters.length === 0 ? 'all' : filters.join(' ')).slice(0, MAX_TARGET_LENGTH)
}
