/** Every comparison reports its progress on one line and stops when the signal aborts. */
export interface Caller {
  readonly onProgress: (line: string) => void
  readonly signal: AbortSignal
}

/**
 * Measures the contenders in turn, round by round, so that changes in the machine's speed affect all of them equally.
 */
export async function inTurn<T extends { readonly name: string }, M>(
  contenders: readonly T[],
  { rounds, onProgress, signal }: Caller & { readonly rounds: number },
  measure: (contender: T) => Promise<M>,
): Promise<Map<T, M[]>> {
  const measured = new Map<T, M[]>(contenders.map((contender) => [contender, []]))
  for (let round = 1; round <= rounds; round += 1) {
    for (const [contender, results] of measured) {
      onProgress(`round ${round} of ${rounds}: ${contender.name}`)
      results.push(await measure(contender))
      signal.throwIfAborted()
    }
  }
  return measured
}

type Figure = number | null | undefined

/** The quotient, to two decimal places. Null if the quotient is not a finite number; a table shows null as a dash. */
export function ratio(value: Figure, of: Figure): string | null {
  const quotient = (value ?? Number.NaN) / (of ?? Number.NaN)
  return Number.isFinite(quotient) ? quotient.toFixed(2) : null
}

/** Rounds to an integer; null when the value is unknown. */
export function whole(value: Figure): number | null {
  return value == null ? null : Math.round(value)
}
