import type { EventLog } from '../ports/event-log.ts'
import type { Ledger, LedgerGap } from '../ports/ledger.ts'
import { committedUncounted, MAX_RANGES } from './ledger-gaps.ts'
import type { StoreOrders } from './store-orders.ts'

export interface LedgerRepair {
  /** Records that had been passed over and now have an outcome. */
  readonly processed: number
}

const RECORDS_AT_ONCE = 500

/**
 * Processes what was passed over: every gap whose record is in the log is read and stored, or parked, like any other
 * record, and so leaves the ledger's gaps. Offsets that the log does not have are no gaps and stay as they are.
 */
export function createRepairLedger(dependencies: {
  log: Pick<EventLog, 'committed' | 'offsets' | 'read'>
  ledger: Ledger
  storeOrders: StoreOrders
  topic: string
  groupId: string
}): () => Promise<LedgerRepair> {
  const { log, ledger, storeOrders, topic, groupId } = dependencies

  return async function repairLedger() {
    let processed = 0
    for (;;) {
      const before = processed
      for (const { topic, partition, from, to } of await passedOver()) {
        for (let next = from; next < to;) {
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
      if (processed === before) return { processed }
    }
  }

  async function passedOver(): Promise<readonly LedgerGap[]> {
    const committed = await log.committed(groupId, topic)
    const { partitions, gaps } = await ledger.read(groupId, MAX_RANGES)
    return [...gaps, ...committedUncounted(topic, partitions, await log.offsets(topic), committed)]
  }
}
