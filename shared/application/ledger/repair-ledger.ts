import { randomUUID } from 'node:crypto'
import { messageOf } from '../../domain/errors.ts'
import type { EventLog } from '../../ports/event-log.ts'
import type { Ledger, LedgerGap } from '../../ports/ledger.ts'
import type { Maintenance } from '../../ports/maintenance.ts'
import type { Act } from '../../ports/redrives.ts'
import { findPassedOver } from './ledger-gaps.ts'
import { readPart, RECORDS_AT_ONCE } from '../log/read-beyond-unreadable.ts'
import type { HandleDelivery } from '../processing/handle-delivery.ts'

export interface LedgerRepair {
  /** Records that had been passed over and now have an outcome. */
  readonly processed: number
  /** Its time was up before there were none left: another repair goes on from there. */
  readonly more: boolean
  /** Why it stopped before there were none left, in words; another repair would stop there too. */
  readonly why: string | null
}

/** Rejects with what log and store reject with. The act goes into the audit. */
export type RepairLedger = (act: Act) => Promise<LedgerRepair>

/** Whoever asked waits for the answer: a long repair is several short ones. */
const MAX_REPAIR_MS = 20_000

/** A process that dies in the middle keeps others from repairing for this long; one that is slower changes nothing twice. */
const LEASE_MS = 60_000
const ANOTHER_REPAIRS = 'Another repair of the ledger is running: look at the ledger when it has ended.'

/**
 * Processes what was passed over: every gap whose record is in the log is read and stored, or parked, like any other
 * record, and so leaves the ledger's gaps. Offsets that the log does not have are no gaps and stay as they are; a batch
 * that cannot be read stays a gap, and what lies behind it is processed.
 *
 * It processes no record twice. One that is still counted as passed over afterwards would be processed, and perhaps
 * published to the dead-letter topic, for as long as somebody repairs: the repair stops there and says so.
 */
export function createRepairLedger(dependencies: {
  log: Pick<EventLog, 'committed' | 'offsets' | 'read'>
  ledger: Pick<Ledger, 'read'>
  storeOrders: HandleDelivery
  topic: string
  groupId: string
  maintenance: Pick<Maintenance, 'beginRepair' | 'endRepair'>
  now: () => Date
}): RepairLedger {
  const { log, storeOrders, topic, groupId, maintenance, now } = dependencies
  /** Ranges that the log does not have, while there is more to do: the next repair goes on after them. */
  const absent = new Set<string>()
  /** What was said of the first batch that could not be read, meanwhile. */
  let unreadable: string | null = null

  return async function repairLedger(act) {
    const owner = randomUUID()
    const lease = { groupId, topic, owner, nowMs: now().getTime(), leaseMs: LEASE_MS }
    if (!(await maintenance.beginRepair(lease, act))) return { processed: 0, more: false, why: ANOTHER_REPAIRS }
    try {
      const repair = await goOn()
      if (!repair.more) {
        absent.clear()
        unreadable = null
      }
      return repair
    } finally {
      await maintenance.endRepair(groupId, owner)
    }
  }

  async function goOn(): Promise<LedgerRepair> {
    const until = now().getTime() + MAX_REPAIR_MS
    const done = new Map<number, number[]>()
    let processed = 0
    for (;;) {
      const before = processed
      const gaps = await passedOver()
      const why = whyNotShrinking(gaps, done)
      if (why !== null) return { processed, more: false, why }
      for (const { partition, from, to } of gaps) {
        const range = `${partition}:${from}:${to}`
        let isEmpty = true
        for (let next = from; next < to && !absent.has(range);) {
          if (now().getTime() > until) return outOfTime(processed, done)
          const limit = Math.min(RECORDS_AT_ONCE, to - next)
          const part = await readPart(log, topic, partition, next, limit)
          if (part.unreadable !== undefined) unreadable ??= messageOf(part.unreadable.error)
          const records = part.records.filter(({ offset }) => offset < to)
          next = part.behind
          if (records.length === 0) continue
          isEmpty = false
          await storeOrders(records.map((record) => ({ ...record, lossy: false })))
          const offsets = done.get(partition) ?? []
          for (const { offset } of records) offsets.push(offset)
          done.set(partition, offsets)
          processed += records.length
        }
        if (isEmpty) absent.add(range)
      }
      // A round that found nothing to process leaves only what the log does not have, or what nobody can read.
      if (processed === before) return { processed, more: false, why: unreadable }
    }
  }

  async function outOfTime(processed: number, done: ReadonlyMap<number, readonly number[]>): Promise<LedgerRepair> {
    const why = whyNotShrinking(await passedOver(), done)
    return { processed, more: why === null, why }
  }

  async function passedOver(): Promise<readonly LedgerGap[]> {
    return (await findPassedOver(dependencies)).passedOver
  }
}

/** Null while everything that was processed is counted. */
function whyNotShrinking(gaps: readonly LedgerGap[], done: ReadonlyMap<number, readonly number[]>): string | null {
  for (const [partition, processed] of done) {
    const offset = firstWithin(
      processed.toSorted((one, other) => one - other),
      gaps.filter((gap) => gap.partition === partition).toSorted((one, other) => one.from - other.from),
    )
    if (offset !== undefined) {
      return `The record at ${partition}:${offset} was processed and is still counted as passed over, so the repair stopped.`
    }
  }
  return null
}

/** The first of these offsets that lies in one of these ranges; both ascend. */
function firstWithin(offsets: readonly number[], ranges: readonly LedgerGap[]): number | undefined {
  let at = 0
  for (const { from, to } of ranges) {
    while ((offsets[at] ?? to) < from) at += 1
    const offset = offsets[at]
    if (offset !== undefined && offset < to) return offset
  }
  return undefined
}
