import { within } from '../../threads/waiting.ts'

/** How long an answer is kept, and how long a question may take. */
export interface RememberOptions {
  readonly maxAgeMs: number
  readonly limitMs: number
  /** Milliseconds. */
  readonly now: () => number
  readonly onError: (error: unknown) => void
}

/**
 * Asks at most once in `maxAgeMs`, one question at a time, and stops waiting after `limitMs`. Resolves with undefined when
 * there is no answer. Errors go to `onError` and are not thrown, because the caller wants its other answers all the same.
 */
export function remember<T>(ask: () => Promise<T>, { maxAgeMs, limitMs, now, onError }: RememberOptions) {
  let answer: { readonly value: T | undefined; readonly at: number } | undefined
  let asking: Promise<T | undefined> | undefined

  async function askOnce(): Promise<T | undefined> {
    try {
      const value = await ask()
      answer = { value, at: now() }
      return value
    } catch (error) {
      answer = undefined
      onError(error)
      return undefined
    } finally {
      asking = undefined
    }
  }

  return async function remembered(): Promise<T | undefined> {
    if (answer !== undefined && now() - answer.at < maxAgeMs) return answer.value
    asking ??= askOnce()
    return within(limitMs, 'the question', asking).catch(() => undefined)
  }
}
