import type { Cause } from '../../domain/order-view.ts'
import { issuedAt } from '../../domain/order-id.ts'
import type { Clock } from '../../ports/clock.ts'
import type { EventLog } from '../../ports/event-log.ts'
import type { ExamineLedger, LedgerExamination } from '../ledger/examine-ledger.ts'
import { oldestToCome } from '../ledger/oldest-to-come.ts'

/**
 * Why the store does not know an order whose id was issued; undefined while the order may simply be on its way. Returns
 * without I/O, from the last check of the ledger, and starts another check if the last one is old.
 */
export type WhyUnseen = (orderId: string) => Cause | undefined

const LOOK_MS = 60_000
/** The interval while records are missing, because each check covers orders that were placed later. */
const LOOK_AGAIN_MS = 10_000
/** An id is generated before its record is published, and the log's timestamps may come from another machine. */
const MARGIN_MS = 10_000
const MAX_ASKED_FOR = 10_000

const CAUSE: Cause = {
  code: 'record-missing',
  detail:
    'The log can no longer return some of its records, and the record of this order may be one of them. Everything else of its time was processed, and the order is not stored.',
}

/**
 * A damaged or lost record does not reveal its order. It is known, however, that such records exist, and that the
 * processor has passed the time at which this order was accepted without finding the order.
 */
export function createWhyUnseen(dependencies: {
  log: Pick<EventLog, 'read' | 'retention'>
  examineLedger: ExamineLedger
  topic: string
  clock: Pick<Clock, 'now'>
  onError: (error: unknown) => void
}): WhyUnseen {
  const { log, examineLedger, topic, clock, onError } = dependencies
  /** All readable orders accepted before this time were processed; undefined while nothing is missing. */
  let metUntil: number | undefined
  let lookAt = -Infinity
  let isLooking = false
  /** When an id without a timestamp (derived from a key) was first requested, which is after its order was accepted. */
  const askedFor = new Map<string, number>()

  async function look(): Promise<void> {
    const beganAt = clock.now()
    isLooking = true
    try {
      const examination = await examineLedger()
      const isMissing = await isSomethingMissing(examination)
      metUntil = isMissing ? await oldestToCome(log, topic, examination.lines, beganAt) : undefined
      if (metUntil === undefined) askedFor.clear()
    } catch (error) {
      onError(error)
    } finally {
      lookAt = beganAt + (metUntil === undefined ? LOOK_MS : LOOK_AGAIN_MS)
      isLooking = false
    }
  }

  async function isSomethingMissing({ snapshot, damaged, unsettled }: LedgerExamination): Promise<boolean> {
    if (damaged.length > 0 || snapshot.lost.length > 0) return true
    if (unsettled.some(({ lostBy }) => lostBy !== null)) return true
    const isAbsent = snapshot.partitions.some((row) => row.topic === topic && row.absent > 0)
    // If holes are not markers, only a reset settles offsets as absent: damaged offsets for which an operator took
    // responsibility.
    return isAbsent && !(await log.retention(topic)).holesAreMarkers
  }

  function acceptedBefore(orderId: string): number {
    const at = issuedAt(orderId)?.getTime() ?? askedFor.get(orderId)
    if (at !== undefined) return at
    askedFor.set(orderId, clock.now())
    const [first] = askedFor.keys()
    if (askedFor.size > MAX_ASKED_FOR && first !== undefined) askedFor.delete(first)
    return clock.now()
  }

  return function whyUnseen(orderId) {
    if (!isLooking && clock.now() >= lookAt) void look()
    if (metUntil === undefined) return undefined
    return acceptedBefore(orderId) + MARGIN_MS < metUntil ? CAUSE : undefined
  }
}
