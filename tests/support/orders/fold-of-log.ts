import { decide, evolve, type Order } from '../../../shared/domain/order.ts'
import { changeOf, isChange, orderIdOf, readEvent } from '../../../shared/messaging/records/envelope.ts'
import type { LogRecord } from '../../../shared/ports/event-log.ts'
import type { ChangeToStore, OrderToStore } from '../../../shared/ports/order-store.ts'
import { newOrderOf } from '../../../shared/domain/order-events.ts'

/** The version that an applied change produced, the code that says why a change was rejected, or a change's status. */
export type Outcome = number | string

/** The outcomes that all orders and their changes must have according to the log alone. */
export interface FoldOfLog {
  /** Each readable order, keyed by id. */
  readonly orders: ReadonlyMap<string, Order>
  /** The changes to each order, keyed by id and in log order. */
  readonly changes: ReadonlyMap<string, ReadonlyMap<string, Outcome>>
}

/**
 * Folds the records of the orders topic in log order. If a record of an order cannot be read, the later changes to that
 * order wait behind it. `discardedAt` says at which offsets the partitions ended when an operator discarded all such
 * unreadable records. Changes that were waiting at that moment are rejected, and later ones are decided. But if an
 * order itself was discarded, all changes to it are rejected.
 */
export function foldOfLog(records: readonly LogRecord[], discardedAt?: ReadonlyMap<number, number>): FoldOfLog {
  const orders = new Map<string, Order>()
  const changes = new Map<string, Map<string, Outcome>>()
  const unreadable = new Map<string, 'order' | 'change'>()

  for (const record of records) {
    const orderId = orderIdOf(record) ?? ''
    const ofOrder = changes.get(orderId) ?? new Map<string, Outcome>()
    changes.set(orderId, ofOrder)
    const event = readable(record)
    const changeId = changeOf(record)?.changeId
    if (event === undefined) {
      unreadable.set(orderId, changeId === undefined ? 'order' : 'change')
      if (changeId !== undefined) ofOrder.set(changeId, discardedAt === undefined ? 'dead-lettered' : 'discarded')
    } else if (!isChange(event)) {
      if (!orders.has(orderId))
        orders.set(orderId, evolve(undefined, { kind: 'placed', content: newOrderOf(event.json) }))
    } else if (!ofOrder.has(event.changeId)) ofOrder.set(event.changeId, heldBy(record, orderId) ?? decided(event))
  }
  return { orders, changes }

  function heldBy({ partition, offset }: LogRecord, orderId: string): string | undefined {
    const before = unreadable.get(orderId)
    if (before === undefined) return undefined
    if (discardedAt === undefined) return 'waiting'
    if (before === 'order') return 'order-discarded'
    return offset < (discardedAt.get(partition) ?? 0) ? 'earlier-change-discarded' : undefined
  }

  function decided({ orderId, change, acceptedAt }: ChangeToStore): Outcome {
    const order = orders.get(orderId)
    if (order === undefined) throw new Error(`In the log, a change to ${orderId} comes before the order.`)
    const event = decide(order, change, acceptedAt)
    if (event.kind === 'refused') return event.code
    orders.set(orderId, evolve(order, event))
    return order.version + 1
  }
}

function readable(record: LogRecord): OrderToStore | ChangeToStore | undefined {
  try {
    return readEvent(record, record)
  } catch {
    return undefined
  }
}
