import type { Clock } from '../../shared/ports/clock.ts'

/** A clock that moves only by `sleep` and `advance`, so that an outage of minutes takes no time. */
export function createVirtualClock(startMs = Date.UTC(2026, 0, 1)): Clock & { advance(ms: number): void } {
  let now = startMs
  return {
    now: () => now,
    random: () => 0.5,
    yield: () => Promise.resolve(),
    async sleep(ms, signal) {
      signal.throwIfAborted()
      now += ms
      await Promise.resolve()
    },
    advance(ms) {
      now += ms
    },
  }
}
