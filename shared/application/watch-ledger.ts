import type { Clock } from '../messaging/hold.ts'
import type { PipelineEmitter } from '../messaging/pipeline-events.ts'
import type { EventLog } from '../ports/event-log.ts'
import type { Ledger } from '../ports/ledger.ts'
import { beginLedger } from './begin-ledger.ts'
import type { ExamineLedger } from './examine-ledger.ts'

export interface LedgerWatch {
  /** One look; rejects with what log and store reject with. */
  look(): Promise<void>
  /** Looks every minute until the signal aborts. Never rejects. */
  run(): Promise<void>
}

const LOOK_MS = 60_000
/** The store's locks are held no longer than it takes to settle this many ranges. */
const SETTLED_AT_ONCE = 500

/**
 * Keeps the ledger in step with what the log forgets. It settles offsets that were passed over while the log can still
 * tell a transaction marker from a record: later, before the log's beginning, both look alike. It tells each loss once.
 */
export function createWatchLedger(dependencies: {
  log: Pick<EventLog, 'offsets'>
  ledger: Pick<Ledger, 'begin' | 'settle'>
  examineLedger: ExamineLedger
  topic: string
  groupId: string
  events: PipelineEmitter
  clock: Clock
  signal: AbortSignal
  onError: (error: unknown) => void
}): LedgerWatch {
  const { ledger, examineLedger, groupId, events, clock, signal, onError } = dependencies

  async function look(): Promise<void> {
    await beginLedger(dependencies)
    const { lines, unsettled } = await examineLedger()
    // A log that was truncated or made anew says nothing about the one that was counted.
    if (lines.some(({ row, end }) => end < row.next)) return
    for (let at = 0; at < unsettled.length; at += SETTLED_AT_ONCE) {
      const lost = await ledger.settle(groupId, unsettled.slice(at, at + SETTLED_AT_ONCE))
      for (const loss of lost) events.emit('ledger:lost', loss)
    }
  }

  return {
    look,
    async run() {
      while (!signal.aborted) {
        try {
          await look()
        } catch (error) {
          if (!signal.aborted) onError(error)
        }
        // Aborted while it waits, it ends.
        await clock.sleep(LOOK_MS, signal).catch((error: unknown) => signal.aborted || onError(error))
      }
    },
  }
}
