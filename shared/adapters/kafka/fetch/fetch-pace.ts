/**
 * Spaces a consumer's fetches while records keep arriving, so that each fetch finds more records and each transaction
 * stores more orders (decision 042). A record that arrives alone does not wait.
 */
export interface FetchPace {
  /** The time until the next fetch may start, in ms. */
  waitMs(): number
  /** Call this after each fetch, with the time at which the fetch started. */
  found(records: number, startedAtMs: number): void
}

/** If a fetch finds fewer records than this, they count as arriving one at a time. */
const BUSY_RECORDS = 8
const INTERVAL_MS = 20

/** A fetch of `fullBatch` records or more is followed by the next one at once, because more records are waiting. */
export function createFetchPace(fullBatch: number, now: () => number = () => performance.now()): FetchPace {
  let nextAtMs = 0
  return {
    waitMs: () => Math.max(0, nextAtMs - now()),
    found(records, startedAtMs) {
      if (records >= BUSY_RECORDS && records < fullBatch) nextAtMs = startedAtMs + INTERVAL_MS
    },
  }
}
