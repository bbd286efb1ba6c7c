import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../ports/clock.ts'

export const systemClock: Clock = {
  now: Date.now,
  random: Math.random,
  yield: () => setImmediate(),
  async sleep(ms, signal) {
    signal.throwIfAborted()
    await sleep(ms, undefined, { signal })
  },
}
