import type { Redrives } from '../../ports/redrives.ts'

const ENTRIES_AT_ONCE = 200

/** When an operator last reset the topic's ledger, in milliseconds since 1970; undefined if nobody has. */
export async function lastResetOf(redrives: Pick<Redrives, 'audit'>, topic: string): Promise<number | undefined> {
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page = await redrives.audit({
      target: topic,
      limit: ENTRIES_AT_ONCE,
      ...(cursor !== undefined && { cursor }),
    })
    const reset = page.items.find(({ action }) => action === 'reset-ledger')
    if (reset !== undefined) return Date.parse(reset.at)
    cursor = page.nextCursor
  }
  return undefined
}
