import { within } from '../../threads/waiting.ts'

/** How an answer is kept, and how long a question may take. */
export interface RememberOptions {
  readonly maxAgeMs: number
  readonly limitMs: number
  /** Milliseconds. */
  readonly now: () => number
  readonly onError: (error: unknown) => void
}

/**
 * Asks no more often than `maxAgeMs`, one question at a time, and gives up waiting after `limitMs`. Undefined means that
 * there is no answer now: whoever was asked is away. It is told to
 * `onError` rather than thrown, for other answers are wanted all the same.
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
