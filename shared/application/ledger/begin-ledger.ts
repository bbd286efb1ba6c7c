import { holdThroughOutage, MAX_HOLD_MS } from '../../messaging/hold.ts'
import type { Clock } from '../../ports/clock.ts'
import type { PipelineEmitter } from '../../messaging/pipeline-events.ts'
import type { EventLog } from '../../ports/event-log.ts'
import type { Ledger } from '../../ports/ledger.ts'
import type { HandleDelivery } from '../processing/handle-delivery.ts'

interface LedgerOfOrders {
  readonly log: Pick<EventLog, 'offsets' | 'identity'>
  readonly ledger: Pick<Ledger, 'begin'>
  readonly topic: string
  readonly groupId: string
}

/**
 * Creates a ledger row for every partition of the orders topic. Each row starts at the partition's first offset in the
 * log.
 */
export async function beginLedger({ log, ledger, topic, groupId }: LedgerOfOrders): Promise<void> {
  const offsets = await log.offsets(topic)
  const starts = new Map(offsets.map(({ partition, first }) => [partition, first]))
  await ledger.begin(groupId, topic, starts, await log.identity(topic))
}

/**
 * Starts the ledger before this process stores its first batch. Otherwise a group that is new to an old topic would
 * count everything before the log start as lost. Keeps retrying during an outage, just as storing the batch does.
 */
export function afterLedgerBegan(
  dependencies: LedgerOfOrders & { clock: Clock; events: PipelineEmitter; signal: AbortSignal },
  storeOrders: HandleDelivery,
): HandleDelivery {
  const { clock, events, signal } = dependencies
  let began: Promise<void> | undefined

  return async function storeAfterLedgerBegan(...delivery) {
    const deadline = clock.now() + MAX_HOLD_MS
    began ??= holdThroughOutage(() => beginLedger(dependencies), { clock, events, of: 'store', signal, deadline })
    try {
      await began
    } catch (error) {
      began = undefined
      throw error
    }
    return storeOrders(...delivery)
  }
}
