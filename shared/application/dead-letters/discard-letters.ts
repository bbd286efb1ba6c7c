import type { DeadLetters, WhichLetters } from '../../ports/dead-letters.ts'
import type { Maintenance } from '../../ports/maintenance.ts'
import type { Act, Redrives } from '../../ports/redrives.ts'
import { deadAmong, noneIsDead } from './dead-among.ts'

export interface Discarded {
  /** How many letters this call discarded. */
  readonly count: number
  /** Where the next call continues if time ran out before all letters were discarded; otherwise null. */
  readonly nextCursor: string | null
}

export interface DiscardLetters {
  /** How many letters would be discarded now. Rejects with `dead-letter-not-found` if one of the ids is unknown. */
  preview(which: WhichLetters): Promise<number>
  /**
   * Discards every letter that matches and is `dead`, newest first. A letter whose state becomes `dead` after the first
   * call is not discarded. One audit entry describes the whole action, and each letter gets an audit entry of its own.
   *
   * The caller waits for the response, so discarding many letters takes several calls of a few seconds each. Each call
   * starts at the cursor that the previous call returned. If no further call follows, the letters discarded so far stay
   * discarded. Without a cursor, the call rejects with `conflict` if no letter is `dead`, and with
   * `dead-letter-not-found` if one of the ids is unknown.
   */
  discard(which: WhichLetters, act: Act, cursor?: string): Promise<Discarded>
}

const MAX_DISCARD_MS = 5000
/** How many letters are discarded between two checks of the clock. */
const LETTERS_AT_ONCE = 500
/** Well within the length limit of the audit log's target column. */
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

  /** Writes to the audit log before the first letter changes, so that an action that stops halfway is recorded too. */
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

/** Describes, for the audit entry, which letters were selected. An example is `fingerprint=1f2e3d4c5b6a7988`. */
function describe(which: WhichLetters): string {
  if ('ids' in which) return `${which.ids.length} named`
  const filters = Object.entries(which).map(([name, value]) => `${name}=${String(value)}`)
  return (filters.length === 0 ? 'all' : filters.join(' ')).slice(0, MAX_TARGET_LENGTH)
}
