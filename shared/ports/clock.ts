/** Time, randomness and waiting as a dependency, so that a test can go through minutes of an outage in an instant. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** At least 0 and less than 1, like `Math.random`. */
  random: () => number
  /** Rejects with the signal's reason when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
  /** Yields to other work that is waiting for this thread. */
  yield(): Promise<void>
}
