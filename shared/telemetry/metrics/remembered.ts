import { within } from '../../threads/waiting.ts'

/** Limits for the age of a cached result (`maxAgeMs`) and the duration of a request (`limitMs`). */
export interface RememberOptions {
  readonly maxAgeMs: number
  readonly limitMs: number
  /** The current time in ms. */
  readonly now: () => number
  readonly onError: (error: unknown) => void
}

/**
 * Caches the result of `ask` for `maxAgeMs`. Runs one request at a time and waits at most `limitMs` for it. Resolves
 * with undefined if there is no result. Errors go to `onError` and are not thrown, because the caller still needs its
 * other results.
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
    return within(limitMs, 'The request', asking).catch(() => undefined)
  }
}
