import type { Clock } from '../../ports/clock.ts'

/**
 * Does the work again and again, with a pause after each round, until the signal aborts. Never rejects: a round that
 * fails is reported, unless the signal has aborted.
 */
export async function inRounds(
  work: () => Promise<unknown>,
  pauseMs: number,
  { clock, signal, onError }: { clock: Pick<Clock, 'sleep'>; signal: AbortSignal; onError: (error: unknown) => void },
): Promise<void> {
  while (!signal.aborted) {
    try {
      await work()
    } catch (error) {
      if (!signal.aborted) onError(error)
    }
    // An aborted wait ends the loop.
    await clock.sleep(pauseMs, signal).catch((error: unknown) => signal.aborted || onError(error))
  }
}
