import type { Clock } from '../../ports/clock.ts'
import type { DeliveredRecord } from '../../messaging/records/kafka-event.ts'
import { readJourney } from '../../messaging/parking/parking.ts'
import type { HandleDelivery } from './handle-delivery.ts'

/**
 * Stores the records of a retry topic as they become due; records due at the same time are stored together. Only this
 * tier waits, and if the process dies while waiting, the records are merely delivered again. No record waits longer
 * than the tier's delay, counted from its delivery: neither a fast clock nor a header with a date in the year 9999 may
 * stop the tier.
 */
export function createStoreRetries(dependencies: {
  storeOrders: HandleDelivery
  /** The tier's delay. */
  delayMs: number
  clock: Clock
  signal: AbortSignal
}): HandleDelivery {
  const { storeOrders, delayMs, clock, signal } = dependencies

  return async function storeRetries(records, deliveredAt = clock.now()) {
    const latest = deliveredAt + delayMs
    // A foreign record without a due time is due at once.
    const dueAt = ({ journey }: DeliveredRecord) => Math.min(journey?.notBefore ?? 0, latest)
    let waiting = records
      .map((record): DeliveredRecord => ({ ...record, journey: readJourney(record) }))
      .toSorted((one, other) => dueAt(one) - dueAt(other))
    while (waiting.length > 0) {
      const now = clock.now()
      const due = waiting.filter((record) => dueAt(record) <= now)
      waiting = waiting.slice(due.length)
      if (due.length > 0) await storeOrders(due)
      const [next] = waiting
      if (next !== undefined) await clock.sleep(Math.max(0, dueAt(next) - clock.now()), signal)
    }
  }
}
