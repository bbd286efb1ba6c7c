import { isChange } from '../../messaging/records/envelope.ts'
import type {
  ChangeOutcome,
  ChangeToStore,
  OrderToStore,
  StoreBatch,
  StoreOutcome,
  StoreResult,
} from '../../ports/order-store.ts'
import type { Failure } from '../../messaging/failure.ts'
import type { ChangeFigures } from '../../messaging/pipeline-events.ts'
import type { ParkableRecord, Unstorable } from './park.ts'

/** A record that holds an event. */
export interface Readable extends ParkableRecord {
  readonly event: OrderToStore | ChangeToStore
}

export type Outcomes = readonly (StoreOutcome | ChangeOutcome | undefined)[]

/** Events as the store expects them: orders, and changes if there are any. */
export function toBatch(events: readonly (OrderToStore | ChangeToStore)[]): Pick<StoreBatch, 'orders' | 'changes'> {
  const orders: OrderToStore[] = []
  const changes: ChangeToStore[] = []
  for (const event of events) {
    if (isChange(event)) changes.push(event)
    else orders.push(event)
  }
  return changes.length === 0 ? { orders } : { orders, changes }
}

/** One outcome for each record, in the same order as the batch. */
export function outcomesOf(batch: readonly Readable[], { outcomes, changes }: StoreResult): Outcomes {
  if (changes === undefined) return outcomes
  const ofOrders = outcomes.values()
  const ofChanges = changes.values()
  return batch.map(({ event }) => (isChange(event) ? ofChanges : ofOrders).next().value)
}

/**
 * Divides the records in a batch into groups that can be stored in any sequence: all the records of an order form one
 * group, in log order. In a batch without changes no record has to wait for another, so each record is a group of its
 * own.
 */
export function groupsOf(batch: readonly Readable[]): readonly (readonly Readable[])[] {
  if (!batch.some(({ event }) => isChange(event))) return batch.map((readable) => [readable])
  return [...Map.groupBy(batch, ({ event }) => event.orderId).values()]
}

/**
 * The first change to each order. These changes are taken to be the cause if the batch keeps failing although each of
 * its records can be stored when it is treated as a copy. Waiting changes have their turns only in a batch of original
 * records, so a fault in reading them occurs nowhere else.
 */
export function firstChanges(batch: readonly Readable[], failure: Failure): Unstorable[] {
  return groupsOf(batch).flatMap((group) => {
    const first = group.find(({ event }) => isChange(event))
    return first === undefined ? [] : [{ ...first, failure }]
  })
}

/** Undefined for a batch without changes. */
export function changeFigures(batch: readonly Readable[], outcomes: Outcomes): ChangeFigures | undefined {
  if (!batch.some(({ event }) => isChange(event))) return undefined
  const count = (kind: ChangeOutcome['kind']) =>
    batch.filter(({ event }, index) => isChange(event) && outcomes[index]?.kind === kind).length
  return {
    applied: count('applied'),
    refused: count('refused'),
    waiting: count('waiting'),
    duplicates: count('duplicate'),
  }
}
