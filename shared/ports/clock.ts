/** Time, chance and the end of the process, passed in: a test holds minutes of outage in an instant. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** At least 0 and less than 1, as `Math.random`. */
  random: () => number
  /** Rejects with the signal's reason when it aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
  /** Lets other work that waits for this thread have its turn. */
  yield(): Promise<void>
}
