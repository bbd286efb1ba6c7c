import { setTimeout as sleep } from 'node:timers/promises'
import { TargetError } from '../target.ts'

/** How far the storing of a topic's orders has come. */
export interface Standing {
  readonly at: number
  readonly stored: number
  /** Undefined where there is no /proc. */
  readonly cpu: number | undefined
}

export interface StoringRate {
  readonly perSecond: number
  readonly cpuMicroseconds: number | undefined
}

/** Not more often, because the product asks the broker for each answer, which costs work of its own. */
export const LOOK_EVERY_MS = 250
const STILL_LIMIT_MS = 60_000

/** Polls until this many orders are stored. Throws `TargetError` when the number stands still for a minute. */
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

export function rateBetween(begun: Standing, ended: Standing): StoringRate {
  const stored = Math.max(1, ended.stored - begun.stored)
  return {
    perSecond: (stored * 1000) / (ended.at - begun.at),
    cpuMicroseconds: ended.cpu === undefined || begun.cpu === undefined ? undefined : (ended.cpu - begun.cpu) / stored,
  }
}
