import { OrderError } from '../../domain/errors.ts'
import { nextOffset, type EventLog } from '../../ports/event-log.ts'
import type { Ledger, LedgerSettlement } from '../../ports/ledger.ts'
import type { LedgerEpoch, Maintenance } from '../../ports/maintenance.ts'
import type { Act } from '../../ports/redrives.ts'
import { SETTLED_AT_ONCE } from './ledger-gaps.ts'
import type { LedgerVerdict } from './ledger.ts'
import { readPart, RECORDS_AT_ONCE } from '../log/read-beyond-unreadable.ts'
import type { LedgerRepair, RepairLedger } from './repair-ledger.ts'

/**
 * Starts a new ledger epoch at the current log start, after the log was truncated or recreated. A repair then also
 * counts the records that the consumer has already read from the log: they are read again, and stored orders do not
 * change. Damaged records in the embedded log are settled as absent, because the operator who resets the ledger takes
 * responsibility for them. Rejects with `conflict` while the ledger balances, unless `force` is set.
 */
export type ResetLedger = (act: Act, force: boolean) => Promise<LedgerRepair>

export function createResetLedger(dependencies: {
  log: Pick<EventLog, 'offsets' | 'committed' | 'identity' | 'read' | 'retention'>
  ledger: Pick<Ledger, 'settle'>
  maintenance: Pick<Maintenance, 'resetLedger'>
  ledgerVerdict: () => Promise<LedgerVerdict>
  repairLedger: RepairLedger
  topic: string
  groupId: string
}): ResetLedger {
  const { log, ledger, maintenance, ledgerVerdict, repairLedger, topic, groupId } = dependencies

  return async function resetLedger(act, force) {
    const { balanced, totals } = await ledgerVerdict()
    if (!force && balanced) {
      throw new OrderError(
        'conflict',
        'The ledger balances, so a new epoch would only lose history. Use force to reset it anyway.',
      )
    }
    const [offsets, committed, logId] = await Promise.all([
      log.offsets(topic),
      log.committed(groupId, topic),
      log.identity(topic),
    ])
    const partitions = offsets.map(({ partition, first, end }): LedgerEpoch['partitions'][number] => {
      // The group's offset in the earlier log may lie outside this log.
      const next = Math.min(nextOffset(committed, { partition, first }), end)
      return { partition, first, next }
    })
    await maintenance.resetLedger(groupId, { topic, logId, partitions }, act)
    // This includes damage that an earlier reset settled, because the new epoch does not know about it.
    if (totals.damaged + totals.absent > 0) await settleDamage(partitions)
    return repairLedger(act)
  }

  /**
   * Only for the embedded log, where an absent offset can only be a damaged one. In Kafka, absent offsets are
   * transaction markers, and an unreadable batch stays a gap, because another version of this product may be able to
   * read it.
   */
  async function settleDamage(partitions: LedgerEpoch['partitions']): Promise<void> {
    if ((await log.retention(topic)).holesAreMarkers) return
    let damaged: LedgerSettlement[] = []
    for (const { partition, first, next } of partitions) {
      for (let from = first; from < next;) {
        const { behind, unreadable } = await readPart(log, topic, partition, from, RECORDS_AT_ONCE)
        if (unreadable !== undefined) {
          damaged.push({ topic, partition, from, to: Math.min(behind, next), lostBy: null })
        }
        from = behind
        if (damaged.length < SETTLED_AT_ONCE) continue
        await ledger.settle(groupId, damaged)
        damaged = []
      }
    }
    await ledger.settle(groupId, damaged)
  }
}
