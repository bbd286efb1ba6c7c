import { DAY_MS } from '../domain/times.ts'
import type { Config } from './config.ts'

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

/** One sentence for operators: how long the log and the store keep the data whose retention can be set. */
export function keptFor({ logRetentionMs, storeRetentionMs: { settled, history, audit } }: Config): string {
  const found: readonly (readonly [string, number | null])[] = [
    ['records in the log', logRetentionMs],
    ['settled dead letters', settled],
    ['histories', history],
    ['the audit log', audit],
  ]
  return `Retention: ${found.map(([what, ms]) => `${what} ${ms === null ? 'forever' : `for ${toDuration(ms)}`}`).join(', ')}.`
}

function toDuration(ms: number): string {
  if (ms % DAY_MS === 0) return `${ms / DAY_MS} d`
  return ms % HOUR_MS === 0 ? `${ms / HOUR_MS} h` : `${Math.round(ms / MINUTE_MS)} min`
}
