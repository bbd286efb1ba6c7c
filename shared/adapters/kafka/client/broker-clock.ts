import { CLOCK_TOLERANCE_MS } from '../../../domain/times.ts'
import type { ClockReading } from '../../../ports/event-log.ts'

/**
 * This machine's clock against the brokers', as far as publishing tells: Kafka has no request that asks for the time, but
 * a topic with `message.timestamp.type=LogAppendTime` acknowledges with the time at which it took a record, and one with
 * bounds refuses a time that is too far from its own.
 */
export interface BrokerClock {
  /** A broker stamped records with `appendedAtMs`, between these two times of this machine's clock. */
  stamped(appendedAtMs: number, sentAtMs: number, acknowledgedAtMs: number): void
  /** A broker took records with the time of this machine. */
  accepted(): void
  /** A broker refused records for their time. */
  refused(): void
  reading(): ClockReading
}

export const CLOCK_REFUSED =
  "Kafka refuses the time of this machine's clock: it is further from the broker's than the topic allows " +
  '(message.timestamp.after.max.ms when it is ahead, message.timestamp.before.max.ms when it is behind). Set the clock.'

export function createBrokerClock({ onWarning }: { onWarning: (message: string) => void }): BrokerClock {
  let aheadMs: number | undefined
  let isRefused = false

  return {
    stamped(appendedAtMs, sentAtMs, acknowledgedAtMs) {
      const before = isOff(aheadMs)
      aheadMs = Math.max(0, sentAtMs - appendedAtMs) + Math.min(0, acknowledgedAtMs - appendedAtMs)
      if (isOff(aheadMs) && !before) {
        const side = aheadMs > 0 ? 'ahead of' : 'behind'
        onWarning(
          `This machine's clock is ${Math.abs(aheadMs) / 1000} s ${side} the Kafka broker's. Orders get its time. Set the clock.`,
        )
      }
    },
    accepted() {
      isRefused = false
    },
    refused() {
      if (!isRefused) onWarning(CLOCK_REFUSED)
      isRefused = true
    },
    reading: () => ({ aheadMs, isOff: isOff(aheadMs), isRefused }),
  }
}

function isOff(aheadMs: number | undefined): boolean {
  return aheadMs !== undefined && Math.abs(aheadMs) > CLOCK_TOLERANCE_MS
}
