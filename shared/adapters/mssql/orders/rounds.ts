/**
 * The port promises that records are handled one after another, but a statement handles many at once. The result is the
 * same if the records share no key (id, position or Idempotency-Key). Each record therefore gets a round that is later
 * than the rounds of all earlier records with which it shares a key. There is nearly always only one round. Rounds are
 * numbered from 0 without gaps.
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
