import type { Clock } from '../../ports/clock.ts'
import type { PipelineEmitter } from '../../messaging/pipeline-events.ts'
import type { EventLog } from '../../ports/event-log.ts'
import type { Ledger, LedgerGap } from '../../ports/ledger.ts'
import { inRounds } from '../operations/in-rounds.ts'
import { beginLedger } from './begin-ledger.ts'
import type { ExamineLedger } from './examine-ledger.ts'
import { SETTLED_AT_ONCE } from './ledger-gaps.ts'
import type { RepairLedger } from './repair-ledger.ts'

export interface LedgerWatch {
  /** Checks once. Rejects if the log or the store does. */
  look(): Promise<void>
  /** Checks every minute until the signal aborts. Never rejects. */
  run(): Promise<void>
}

const LOOK_MS = 60_000
const MAX_TOLD = 10
/** The operator that the audit log shows for the processor's own repairs. */
const ITSELF = { operator: 'processor', verified: true }

/**
 * Keeps the ledger in step with the log's retention. Settles skipped offsets while the log can still distinguish a
 * transaction marker from a record, because the two look alike once the log starts after them. Reports each loss once.
 *
 * The watch also processes records that were skipped and are still in the log. Only one instance does so at a time.
 */
export function createWatchLedger(dependencies: {
  log: Pick<EventLog, 'offsets' | 'identity'>
  ledger: Pick<Ledger, 'begin' | 'settle' | 'markBroken'>
  examineLedger: ExamineLedger
  repairLedger: RepairLedger
  topic: string
  groupId: string
  events: PipelineEmitter
  clock: Clock
  signal: AbortSignal
  /**
   * Called when checks begin to fail, and again only if the reason changes. `onBack` is called once, as soon as a check
   * succeeds again.
   */
  onError: (error: unknown) => void
  onBack: () => void
}): LedgerWatch {
  const { ledger, examineLedger, repairLedger, topic, groupId, events, clock, signal, onError, onBack } = dependencies

  let before: ReadonlySet<string> = new Set()
  const stoppedAt = new Set<string>()

  async function look(): Promise<void> {
    await beginLedger(dependencies)
    const { brokenBy, gaps, unsettled } = await examineLedger()
    if (brokenBy !== null) {
      // The break is recorded, because one day the new log will be as long as the earlier log and look the same.
      if (await ledger.markBroken(groupId, topic, brokenBy)) events.emit('ledger:log-broken', { topic, brokenBy })
      // The new log contains no information about the log that was counted.
      return
    }
    for (let at = 0; at < unsettled.length; at += SETTLED_AT_ONCE) {
      const lost = await ledger.settle(groupId, unsettled.slice(at, at + SETTLED_AT_ONCE))
      for (const loss of lost) events.emit('ledger:lost', loss)
    }
    await repair(gaps)
  }

  /**
   * Repairs only gaps that two consecutive checks found, because another instance may be processing the batch right
   * now. Leaves out gaps at which an earlier repair stopped, because somebody has to investigate them.
   */
  async function repair(gaps: readonly LedgerGap[]): Promise<void> {
    const places = gaps.map(({ partition, from }) => `${partition}:${from}`)
    const found = places.filter((place) => before.has(place) && !stoppedAt.has(place))
    before = new Set(places)
    if (found.length === 0) return
    const reason = `Records were passed over, at ${found.slice(0, MAX_TOLD).join(', ')}${found.length > MAX_TOLD ? ', …' : ''}.`
    const at = new Date(clock.now()).toISOString()
    const { processed, more, why } = await repairLedger({ ...ITSELF, at, reason })
    if (processed > 0) events.emit('ledger:repaired', { processed, places: found.slice(0, MAX_TOLD), why })
    if (processed > 0 && !more && why !== null) for (const place of found) stoppedAt.add(place)
  }

  return {
    look,
    run: () => inRounds(look, LOOK_MS, { clock, signal, onError, onBack }),
  }
}
