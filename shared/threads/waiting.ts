import { setTimeout as sleep } from 'node:timers/promises'

/** Resolves as `work` does, or rejects after `ms`, so that something that hangs does not make its caller hang. */
export async function within<T>(ms: number, doing: string, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`${doing} took longer than ${ms / 1000} s`)), ms)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

/** Resolves after `ms`, or at once when `signal` aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/**
 * Backoff with jitter, in ms: doubles from `firstMs` to `maxMs`, and half of it is random, so that many who failed together
 * do not come back together. `failures` counts from 1; `random` is from 0 to 1.
 */
export function jitteredMs(failures: number, firstMs: number, maxMs: number, random: number = Math.random()): number {
  return Math.min(maxMs, firstMs * 2 ** (failures - 1)) * (0.5 + random / 2)
}
