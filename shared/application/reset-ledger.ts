import { OrderError } from '../domain/errors.ts'
import { nextOffset, type EventLog } from '../ports/event-log.ts'
import type { LedgerEpoch, Maintenance } from '../ports/maintenance.ts'
import type { Act } from '../ports/redrives.ts'
import type { LedgerVerdict } from './ledger.ts'
import type { LedgerRepair, RepairLedger } from './repair-ledger.ts'

/**
 * Begins a new epoch of the ledger where the log begins now, for a log that was truncated or made anew. What the
 * consumer has read of that log already is then accounted for by a repair: it is read again, and changes nothing that
 * is stored. Rejects with `conflict` while the ledger balances, unless it is forced.
 */
export type ResetLedger = (act: Act, force: boolean) => Promise<LedgerRepair>

export function createResetLedger(dependencies: {
  log: Pick<EventLog, 'offsets' | 'committed' | 'identity'>
  maintenance: Pick<Maintenance, 'resetLedger'>
  ledgerVerdict: () => Promise<LedgerVerdict>
  repairLedger: RepairLedger
  topic: string
  groupId: string
}): ResetLedger {
  const { log, maintenance, ledgerVerdict, repairLedger, topic, groupId } = dependencies

  return async function resetLedger(act, force) {
    if (!force && (await ledgerVerdict()).balanced) {
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
    return repairLedger(act)
  }
}
