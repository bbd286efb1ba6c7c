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
  /** Skipped records that now have an outcome. */
  readonly processed: number
  /** Whether time ran out before all records were processed; another repair then continues where this one ended. */
  readonly more: boolean
  /** Why the repair stopped before all records were processed; another repair would stop at the same point. */
  readonly why: string | null
}

/** Rejects with the errors of the log and the store. Writes an audit entry. */
export type RepairLedger = (act: Act) => Promise<LedgerRepair>

/** The caller waits for the response, so a long repair is divided into several calls. */
const MAX_REPAIR_MS = 20_000

/**
 * How long a process that died during a repair blocks others. If a repair outlasts its lease, another one may run at
 * the same time, but nothing is counted twice.
 */
const LEASE_MS = 60_000
const ANOTHER_REPAIRS = 'Another repair of the ledger is running: check the ledger once it has ended.'

/**
 * Processes the records that were skipped: each of them that is still in the log is stored or parked like any other
 * record, and its offset is then no longer a gap in the ledger. Offsets without a record in the log are left as they
 * are. A batch that cannot be read remains a gap, but the records after it are processed.
 *
 * No record is processed twice. If a processed record still counts as skipped, the repair stops there and reports it.
 * Otherwise each repair would process the record again and might publish it to the dead-letter topic again.
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
  /** Ranges missing from the log; kept until the repair is complete, so that the next call skips them. */
  const absent = new Set<string>()
  /**
   * The error of the first batch that could not be read; kept until the repair is complete, because later calls may
   * skip that batch.
   */
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
      // After a round without records, the only offsets left are those that are missing from the log or unreadable.
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

/** Null if every processed record has been counted. */
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

/** The first offset that lies in one of the ranges. Both lists are in ascending order. */
function firstWithin(offsets: readonly number[], ranges: readonly LedgerGap[]): number | undefined {
  let at = 0
  for (const { from, to } of ranges) {
    while ((offsets[at] ?? to) < from) at += 1
    const offset = offsets[at]
    if (offset !== undefined && offset < to) return offset
  }
  return undefined
}
