import type { EventLog } from '../ports/event-log.ts'
import type { Ledger, LedgerGap } from '../ports/ledger.ts'
import { MAX_RANGES, uncountedRanges } from './ledger-gaps.ts'
import type { StoreOrders } from './store-orders.ts'

export interface LedgerRepair {
  /** Records that had been passed over and now have an outcome. */
  readonly processed: number
  /** Its time was up before there were none left: another repair goes on from there. */
  readonly more: boolean
}

/** Whoever asked waits for the answer: a long repair is several short ones. */
const MAX_REPAIR_MS = 20_000

const RECORDS_AT_ONCE = 500

/**
 * Processes what was passed over: every gap whose record is in the log is read and stored, or parked, like any other
 * record, and so leaves the ledger's gaps. Offsets that the log does not have are no gaps and stay as they are.
 */
export function createRepairLedger(dependencies: {
  log: Pick<EventLog, 'committed' | 'offsets' | 'read'>
  ledger: Pick<Ledger, 'read'>
  storeOrders: StoreOrders
  topic: string
  groupId: string
  now: () => Date
}): () => Promise<LedgerRepair> {
  const { log, ledger, storeOrders, topic, groupId, now } = dependencies

  return async function repairLedger() {
    const until = now().getTime() + MAX_REPAIR_MS
    let processed = 0
    for (;;) {
      const before = processed
      for (const { topic, partition, from, to } of await passedOver()) {
        for (let next = from; next < to;) {
          if (now().getTime() > until) return { processed, more: true }
          const found = await log.read(topic, partition, next, Math.min(RECORDS_AT_ONCE, to - next))
          const records = found.filter(({ offset }) => offset < to)
          const last = records.at(-1)
          if (last === undefined) break
          await storeOrders(records.map((record) => ({ ...record, lossy: false })))
          processed += records.length
          next = last.offset + 1
        }
      }
      // A round that found nothing to process leaves only offsets that the log does not have.
      if (processed === before) return { processed, more: false }
    }
  }

  async function passedOver(): Promise<readonly LedgerGap[]> {
    const committed = await log.committed(groupId, topic)
    const { partitions, gaps } = await ledger.read(groupId, MAX_RANGES)
    return [...gaps, ...uncountedRanges(topic, partitions, await log.offsets(topic), committed)]
  }
}
