import type { DeadLetters } from '../../ports/dead-letters.ts'
import { nextOffset, type EventLog } from '../../ports/event-log.ts'
import type { Topics } from '../../messaging/topics.ts'

/**
 * Whether an open dead letter may contain the record of an order that the store does not know. That is possible if the
 * letter's order id cannot be read.
 */
export type MayHoldAnyOrder = () => Promise<boolean>

/**
 * Letters in the state `dead` are listed again at the end, because a redriven record may have become a new dead letter
 * in the meantime.
 */
const OPEN = ['dead', 'redriven', 'dead'] as const
/** If more letters than this are open, not all of them are examined, and the answer is true. */
const MAX_LOOKED_AT = 1000

export function createMayHoldAnyOrder(dependencies: {
  log: Pick<EventLog, 'committed' | 'offsets'>
  deadLetters: Pick<DeadLetters, 'list'>
  topics: Pick<Topics, 'deadLetters' | 'deadLetterGroup'>
}): MayHoldAnyOrder {
  const { log, deadLetters, topics } = dependencies

  /**
   * Whether the store has every letter. A letter is in the dead-letter topic before it is in the store, and the ledger
   * may already count its record as parked.
   */
  async function areAllKept(): Promise<boolean> {
    const offsets = await log.offsets(topics.deadLetters)
    const committed = await log.committed(topics.deadLetterGroup, topics.deadLetters)
    return offsets.every((place) => nextOffset(committed, place) >= place.end + (place.behindTransaction ?? 0))
  }

  return async function mayHoldAnyOrder() {
    if (!(await areAllKept())) return true
    for (const state of OPEN) {
      const { items, nextCursor } = await deadLetters.list({ state, foreign: false, limit: MAX_LOOKED_AT })
      if (nextCursor !== null || items.some(({ orderId }) => orderId === null)) return true
    }
    return false
  }
}
