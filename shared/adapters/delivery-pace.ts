/**
 * While records keep arriving, this spaces the reads that deliver them, so that each transaction stores many orders: a
 * transaction of 120 orders costs a third less per order than one of 20. A record that arrives alone does not wait.
 */
export interface DeliveryPace {
  /** The time until the next read may start, in ms. */
  waitMs(): number
  /** Call this after each read, with the time at which the read started. */
  found(records: number, startedAtMs: number): void
}

/** If a read finds fewer records than this, they count as arriving one at a time. */
const BUSY_RECORDS = 8
const INTERVAL_MS = 20

/** A read of `fullBatch` records or more is followed by the next one at once, because more records are waiting. */
export function createDeliveryPace(fullBatch: number, now: () => number = () => performance.now()): DeliveryPace {
  let nextAtMs = 0
  return {
    waitMs: () => Math.max(0, nextAtMs - now()),
    found(records, startedAtMs) {
      if (records >= BUSY_RECORDS && records < fullBatch) nextAtMs = startedAtMs + INTERVAL_MS
    },
  }
}
