import { isOrderError, messageOf } from '../../domain/errors.ts'
import type { Clock } from '../../ports/clock.ts'

/**
 * Repeats the work, with a pause after each round, until the signal aborts. Never rejects. `onError` is called when
 * rounds begin to fail, and again only if the reason changes; it is not called once the signal has aborted. `onBack` is
 * called once, when a round succeeds after others have failed.
 */
export async function inRounds(
  work: () => Promise<unknown>,
  pauseMs: number,
  dependencies: {
    clock: Pick<Clock, 'sleep'>
    signal: AbortSignal
    onError: (error: unknown) => void
    onBack: () => void
  },
): Promise<void> {
  const { clock, signal, onError, onBack } = dependencies
  let told: string | undefined
  while (!signal.aborted) {
    try {
      await work()
      if (told !== undefined) onBack()
      told = undefined
    } catch (error) {
      const reason = isOrderError(error) ? error.code : messageOf(error)
      if (!signal.aborted && told !== reason) onError(error)
      told = reason
    }
    // An aborted wait ends the loop.
    await clock.sleep(pauseMs, signal).catch((error: unknown) => signal.aborted || onError(error))
  }
}
