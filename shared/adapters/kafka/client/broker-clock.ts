import { CLOCK_TOLERANCE_MS } from '../../../domain/times.ts'
import type { ClockReading } from '../../../ports/event-log.ts'

export const CLOCK_REFUSED =
  "Kafka refuses timestamps from this machine's clock: it differs from the broker's by more than the topic allows " +
  '(message.timestamp.after.max.ms when it is ahead, message.timestamp.before.max.ms when it is behind). Set the clock.'

/**
 * Compares this machine's clock with the brokers' clocks. Kafka has no request for the current time, so this relies on
 * the responses to publish requests. For a topic with `message.timestamp.type=LogAppendTime`, the broker returns the
 * time at which it appended a record. For a topic that limits timestamps, the broker refuses a timestamp that is too
 * far from its clock.
 */
export function createBrokerClock({ onWarning }: { onWarning: (message: string) => void }) {
  let aheadMs: number | undefined
  let isRefused = false

  return {
    /**
     * Call this when a broker has set the records' timestamps to `appendedAtMs`. The other two values come from this
     * machine's clock.
     */
    stamped(appendedAtMs: number, sentAtMs: number, acknowledgedAtMs: number): void {
      const before = isOff(aheadMs)
      aheadMs = Math.max(0, sentAtMs - appendedAtMs) + Math.min(0, acknowledgedAtMs - appendedAtMs)
      if (isOff(aheadMs) && !before) {
        const side = aheadMs > 0 ? 'ahead of' : 'behind'
        onWarning(
          `This machine's clock is ${Math.abs(aheadMs) / 1000} s ${side} the Kafka broker's. Orders get this machine's time. Set the clock.`,
        )
      }
    },
    /** Call this when a broker has accepted records with this machine's timestamps. */
    accepted(): void {
      isRefused = false
    },
    /** Call this when a broker has refused records because of their timestamps. */
    refused(): void {
      if (!isRefused) onWarning(CLOCK_REFUSED)
      isRefused = true
    },
    reading: (): ClockReading => ({ aheadMs, isOff: isOff(aheadMs), isRefused }),
  }
}

function isOff(aheadMs: number | undefined): boolean {
  return aheadMs !== undefined && Math.abs(aheadMs) > CLOCK_TOLERANCE_MS
}
