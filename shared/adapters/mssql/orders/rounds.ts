/**
 * A statement treats many records at once, the port says one after the other. Both are the same for records that have
 * nothing in common, so each gets the number of a round, later than that of any earlier one that shares a key with it:
 * an id, a place, an Idempotency-Key. Nearly always there is one round. Numbers begin with 0 and leave none out.
 */
export function toRounds<T>(items: readonly T[], keysOf: (item: T) => readonly (string | null)[]): number[] {
  const nextRound = new Map<string, number>()
  return items.map((item) => {
    const keys = keysOf(item).filter((key) => key !== null)
    const round = Math.max(0, ...keys.map((key) => nextRound.get(key) ?? 0))
    for (const key of keys) nextRound.set(key, round + 1)
    return round
  })
}
