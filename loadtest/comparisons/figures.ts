/** Reports progress in one line and stops when it is told to: what every comparison needs from its caller. */
export interface Caller {
  readonly onProgress: (line: string) => void
  readonly signal: AbortSignal
}

/**
 * Measures all of them in turn, round by round, because a machine's speed drifts and should drift for all. `before` runs
 * at the start of each round.
 */
export async function inTurn<T extends { readonly name: string }, M>(
  contenders: readonly T[],
  { rounds, onProgress, signal }: Caller & { readonly rounds: number },
  measure: (contender: T) => Promise<M>,
  before?: (round: string) => Promise<void>,
): Promise<Map<string, M[]>> {
  const measured = new Map<string, M[]>(contenders.map(({ name }) => [name, []]))
  for (let round = 1; round <= rounds; round += 1) {
    await before?.(`round ${round} of ${rounds}`)
    for (const contender of contenders) {
      onProgress(`round ${round} of ${rounds}: ${contender.name}`)
      measured.get(contender.name)?.push(await measure(contender))
      signal.throwIfAborted()
    }
  }
  return measured
}

type Figure = number | null | undefined

/** As a table shows it; null, which a table shows as a dash, when one is unknown or the other is 0. */
export function ratio(value: Figure, of: Figure): string | null {
  const quotient = (value ?? Number.NaN) / (of ?? Number.NaN)
  return Number.isFinite(quotient) ? quotient.toFixed(2) : null
}

/** To a whole number; null when it is unknown. */
export function whole(value: Figure): number | null {
  return value == null ? null : Math.round(value)
}
