import type { Cause } from '../../domain/order-view.ts'
import { issuedAt } from '../../domain/order-id.ts'
import type { Clock } from '../../ports/clock.ts'
import type { EventLog } from '../../ports/event-log.ts'
import type { ExamineLedger, LedgerExamination } from '../ledger/examine-ledger.ts'
import { readBeyondUnreadable } from '../log/read-beyond-unreadable.ts'

/**
 * Why the store does not know an order that was issued; undefined while the order may simply be on its way. Asks nobody:
 * it answers by the last look at the ledger, and begins another one when that is old.
 */
export type WhyUnseen = (orderId: string) => Cause | undefined

const LOOK_MS = 60_000
/** While something is missing, because each look tells it of orders that were placed later. */
const LOOK_AGAIN_MS = 10_000
/** An id is made before its record is published, and times of the log may be another machine's. */
const MARGIN_MS = 10_000
const MAX_ASKED_FOR = 10_000

const CAUSE: Cause = {
  code: 'record-missing',
  detail:
    'The log can no longer give some of its records, and the record of this order may be one of them. Everything else of its time was processed, and the order is not stored.',
}

/**
 * Which order a damaged or lost record held, nobody can tell. What can be told is that such records exist, and that the
 * processor is past the time in which this order was accepted without having met it.
 */
export function createWhyUnseen(dependencies: {
  log: Pick<EventLog, 'read' | 'retention'>
  examineLedger: ExamineLedger
  topic: string
  clock: Pick<Clock, 'now'>
  onError: (error: unknown) => void
}): WhyUnseen {
  const { log, examineLedger, topic, clock, onError } = dependencies
  /** Orders that were accepted before it were met; undefined while nothing is missing. */
  let metUntil: number | undefined
  let lookAt = -Infinity
  let isLooking = false
  /** Ids that derive from a key tell no time: when they were first asked for, which is after their order was accepted. */
  const askedFor = new Map<string, number>()

  async function look(): Promise<void> {
    const beganAt = clock.now()
    isLooking = true
    try {
      const examination = await examineLedger()
      metUntil = (await isSomethingMissing(examination)) ? await oldestToCome(examination, beganAt) : undefined
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
    // Where holes are no markers, only a reset settles offsets as absent: damaged ones, for which somebody answered.
    return isAbsent && !(await log.retention(topic)).holesAreMarkers
  }

  async function oldestToCome({ lines }: LedgerExamination, beganAt: number): Promise<number> {
    let oldest = beganAt
    for (const { row, end } of lines) {
      if (row.next >= end) continue
      const [record] = await readBeyondUnreadable(log, topic, row.partition, row.next, 1)
      if (record !== undefined) oldest = Math.min(oldest, record.timestamp)
    }
    return oldest
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
