import { setTimeout as sleep } from 'node:timers/promises'
import { TargetError } from '../target.ts'

/** How many orders from a topic had been stored at a given time. */
export interface Standing {
  readonly at: number
  readonly stored: number
  /** Undefined if there is no /proc. */
  readonly cpu: number | undefined
}

export type StoringRate = ReturnType<typeof rateBetween>

/** Polling more often would distort the measurement, because each poll makes the product query the broker. */
export const LOOK_EVERY_MS = 250
const STILL_LIMIT_MS = 60_000

/** Polls until this many orders are stored. Throws `TargetError` if the number has not changed for a minute. */
export async function untilStored(
  orders: number,
  name: string,
  look: () => Promise<Standing>,
  signal: AbortSignal,
): Promise<Standing> {
  let moved: Standing | undefined
  for (;;) {
    const now = await look()
    if (now.stored >= orders) return now
    if (moved === undefined || now.stored > moved.stored) moved = now
    if (now.at - moved.at > STILL_LIMIT_MS) {
      throw new TargetError(`${name} stopped storing at ${now.stored} of ${orders}.`)
    }
    await sleep(LOOK_EVERY_MS, undefined, { signal })
  }
}

/** CPU is in microseconds per order. */
export function rateBetween(begun: Standing, ended: Standing) {
  const stored = Math.max(1, ended.stored - begun.stored)
  return {
    perSecond: (stored * 1000) / (ended.at - begun.at),
    cpuMicroseconds: ended.cpu === undefined || begun.cpu === undefined ? undefined : (ended.cpu - begun.cpu) / stored,
  }
}
