import type { Cause } from '../../domain/order-view.ts'
import { issuedAt } from '../../domain/order-id.ts'
import type { Clock } from '../../ports/clock.ts'
import type { EventLog } from '../../ports/event-log.ts'
import type { LedgerLoss } from '../../ports/ledger.ts'
import type { MayHoldAnyOrder } from '../dead-letters/may-hold-any-order.ts'
import type { ExaminedLine, ExamineLedger, LedgerExamination } from '../ledger/examine-ledger.ts'
import { lossOf } from '../ledger/ledger-faults.ts'
import { oldestToCome } from '../ledger/oldest-to-come.ts'
import { createLatest } from './latest.ts'

/** Why an order or a change is not in the store although its id was issued. */
export interface Unseen {
  /**
   * Whether the record is certain to have left the log before it was processed. If false, the record may be missing,
   * but this is not certain. Always false for an id that is derived from an Idempotency-Key, because the
   * same request may publish that id again.
   */
  readonly isLost: boolean
  readonly cause: Cause
}

/**
 * Undefined while the order or change may simply be on its way. Uses the result of the last check of the ledger,
 * without I/O, and starts another check if the last one is old.
 */
export type WhyUnseen = (id: string) => Unseen | undefined

const LOOK_MS = 60_000
/**
 * The interval is shorter while records are missing, because an order that is placed after one check is covered only by
 * the next.
 */
const LOOK_AGAIN_MS = 10_000
/** An id is generated before its record is published, and the log's timestamps may come from another machine. */
const MARGIN_MS = 10_000
/** At least this many ids are remembered with the time at which they were first requested. */
const ASKED_FOR = 5000
/**
 * The clocks of any two machines are assumed to differ by at most this much. A final status must not depend on
 * differences between clocks.
 */
const CLOCKS_APART_MS = 10 * 60_000

const MISSING: Unseen = {
  isLost: false,
  cause: {
    code: 'record-missing',
    detail:
      'The log can no longer return some of its records, and the record of this order may be one of them. All other records from that time were processed, and the order is not stored.',
  },
}

/** The text does not mention the record's time, because the request may have been sent again since. */
const MISSING_UNDER_KEY: Unseen = {
  isLost: false,
  cause: {
    code: 'record-missing',
    detail:
      'The log can no longer return some of its records, and the record of this request may be one of them. Send the request again with the same Idempotency-Key, so that it cannot take effect twice.',
  },
}

/**
 * A damaged or lost record does not reveal which order it belongs to. It is known, however, that such records exist,
 * and that the processor has passed the time at which this order was accepted without finding it.
 *
 * The record is certainly lost if there was a moment at which the id was already known and of which the following is
 * true: every record that was in the log at that moment has been accounted for, and none of them is damaged, passed
 * over, or in a dead letter without an order id. It is never certain that a record whose id is derived from an
 * Idempotency-Key is lost, because any instance may publish it again at any time.
 */
export function createWhyUnseen(dependencies: {
  log: Pick<EventLog, 'read' | 'retention'>
  examineLedger: ExamineLedger
  mayHoldAnyOrder: MayHoldAnyOrder
  topic: string
  clock: Pick<Clock, 'now'>
  onError: (error: unknown) => void
}): WhyUnseen {
  const { log, examineLedger, mayHoldAnyOrder, topic, clock, onError } = dependencies
  /** All readable orders accepted before this time have been processed; undefined while nothing is missing. */
  let metUntil: number | undefined
  /** Present if all the missing records are lost, with what is known about them. */
  let lost: Unseen | undefined
  let lookAt = -Infinity
  let isLooking = false
  /** When each id was first requested. By then, its record had already been published at least once. */
  const askedFor = createLatest<number>(ASKED_FOR)
  const progress = createProgress()

  async function look(): Promise<void> {
    const beganAt = clock.now()
    isLooking = true
    try {
      const examination = await examineLedger()
      const losses = lossesIn(examination, topic)
      const isUnreadable = examination.damaged.length > 0 || (await isDamageSettled(examination))
      const isUnclear = isUnreadable || examination.gaps.length > 0 || examination.brokenBy !== null
      const found = isUnclear ? undefined : toLost(losses, examination.lines)
      // The letters are checked after the examination, so that they include the letter of every record that the ledger
      // counted as parked.
      const isInLetter = found !== undefined && (await mayHoldAnyOrder())
      progress.look(beganAt, examination.lines)
      lost = isInLetter ? undefined : found
      const isMissing = isUnreadable || losses.length > 0 || isInLetter
      metUntil = isMissing ? await oldestToCome(log, topic, examination.lines, beganAt) : undefined
      if (!isMissing && lost === undefined) askedFor.clear()
    } catch (error) {
      onError(error)
    } finally {
      lookAt = beganAt + (metUntil === undefined && lost === undefined ? LOOK_MS : LOOK_AGAIN_MS)
      isLooking = false
    }
  }

  /**
   * If holes in the log cannot be markers, an absent offset is a damaged one that a reset settled: an operator accepted
   * the damage.
   */
  async function isDamageSettled({ snapshot }: LedgerExamination): Promise<boolean> {
    const isAbsent = snapshot.partitions.some((row) => row.topic === topic && row.absent > 0)
    return isAbsent && !(await log.retention(topic)).holesAreMarkers
  }

  function firstAskedFor(id: string): number {
    const at = askedFor.get(id) ?? clock.now()
    askedFor.set(id, at)
    return at
  }

  return function whyUnseen(id) {
    const askedAt = firstAskedFor(id)
    if (!isLooking && clock.now() >= lookAt) void look()
    const issued = issuedAt(id)?.getTime()
    const doneAt = progress.doneAt()
    if (lost !== undefined && (askedAt <= doneAt || (issued ?? Infinity) + CLOCKS_APART_MS < doneAt)) {
      return issued === undefined ? MISSING_UNDER_KEY : lost
    }
    if (metUntil === undefined || (issued ?? askedAt) + MARGIN_MS >= metUntil) return undefined
    return issued === undefined ? MISSING_UNDER_KEY : MISSING
  }
}

/**
 * Finds a moment in the past: every record that was in the log at that moment has been processed since. Does not rely
 * on records' timestamps.
 */
function createProgress() {
  let done = -Infinity
  let pending: { readonly at: number; readonly ends: ReadonlyMap<number, number> } | undefined

  return {
    doneAt: () => done,
    /** `at` must be a time before `lines` was read. */
    look(at: number, lines: readonly ExaminedLine[]): void {
      const ends = new Map(lines.map(({ row, end, behindTransaction }) => [row.partition, end + behindTransaction]))
      const isPast = (some: ReadonlyMap<number, number>) =>
        lines.every(({ row, uncounted }) => row.next + uncounted >= (some.get(row.partition) ?? 0))
      if (isPast(ends)) {
        done = at
        pending = undefined
      } else if (pending === undefined || isPast(pending.ends)) {
        done = pending?.at ?? done
        pending = { at, ends }
      }
    },
  }
}

function lossesIn({ snapshot, unsettled }: LedgerExamination, topic: string): LedgerLoss[] {
  const newlyLost = unsettled.flatMap((one) => (one.lostBy === null ? [] : [{ ...one, lostBy: one.lostBy }]))
  return [...snapshot.lost, ...newlyLost].filter((one) => one.topic === topic)
}

/**
 * Undefined if no record can have left the log before it was counted. A ledger that was reset begins where the log
 * began at that time.
 */
function toLost(losses: readonly LedgerLoss[], lines: readonly ExaminedLine[]): Unseen | undefined {
  if (losses.length === 0 && lines.every(({ row }) => row.first === 0)) return undefined
  const where =
    losses.length === 0
      ? 'The record left the log before the ledger began'
      : `The record is one of those that ${lossOf(losses)}`
  const detail = `${where}. Everything else was processed, so this will not be stored. Send the request again.`
  return { isLost: true, cause: { code: 'record-lost', detail } }
}
