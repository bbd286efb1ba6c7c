import type { Clock } from '../../shared/ports/clock.ts'

/** A clock that only `sleep` and `advance` move, so that an outage of several minutes is over at once in a test. */
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
