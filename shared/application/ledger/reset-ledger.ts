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
 * Begins a new epoch of the ledger where the log begins now, for a log that was truncated or made anew. What the
 * consumer has read of that log already is then accounted for by a repair: it is read again, and changes nothing that
 * is stored. Damaged records of the embedded log are settled as absent, because whoever resets has answered for them.
 * Rejects with `conflict` while the ledger balances, unless it is forced.
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
      throw new OrderError('conflict', 'The ledger balances: a new epoch would only forget. Force it if you must.')
    }
    const [offsets, committed, logId] = await Promise.all([
      log.offsets(topic),
      log.committed(groupId, topic),
      log.identity(topic),
    ])
    const partitions = offsets.map(({ partition, first, end }): LedgerEpoch['partitions'][number] => {
      // A position of the earlier log may lie outside of this one.
      const next = Math.min(nextOffset(committed, { partition, first }), end)
      return { partition, first, next }
    })
    await maintenance.resetLedger(groupId, { topic, logId, partitions }, act)
    // Those that an earlier reset settled, too: the new epoch knows nothing of them.
    if (totals.damaged + totals.absent > 0) await settleDamage(partitions)
    return repairLedger(act)
  }

  /**
   * A batch of Kafka's stays a gap, because another version may read it. And there absent offsets are markers; here they
   * can be nothing else than what is settled now.
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
