import { setTimeout as sleep } from 'node:timers/promises'

/** Settles as `work` does, but rejects after `ms`, so that the caller does not hang if `work` hangs. */
export async function within<T>(ms: number, doing: string, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`${doing} took longer than ${ms / 1000} s`)), ms)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

/** Resolves after `ms`, or as soon as `signal` aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/**
 * Backoff with jitter, in ms. The delay starts at `firstMs` and doubles with each failure, up to `maxMs`. Half of the
 * delay is random, so that callers that failed together do not retry together. `failures` starts at 1; `random` is from
 * 0 to 1.
 */
export function jitteredMs(failures: number, firstMs: number, maxMs: number, random: number = Math.random()): number {
  return Math.min(maxMs, firstMs * 2 ** (failures - 1)) * (0.5 + random / 2)
}
