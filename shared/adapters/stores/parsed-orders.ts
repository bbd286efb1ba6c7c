import { newOrderOf } from '../../domain/order-events.ts'
import type { NewOrderCommand } from '../../domain/order-commands.ts'
import type { OrderToStore, StoreBatch } from '../../ports/order-store.ts'

/** An order to store, with its JSON parsed. */
export interface ParsedOrder extends Omit<OrderToStore, 'json'> {
  readonly order: NewOrderCommand
}

export interface ParsedBatch extends Omit<StoreBatch, 'orders'> {
  readonly orders: readonly ParsedOrder[]
}

export function parsedOrder({ json, ...rest }: OrderToStore): ParsedOrder {
  return { ...rest, order: newOrderOf(json) }
}

export function parsedBatch(batch: StoreBatch): ParsedBatch {
  return { ...batch, orders: batch.orders.map(parsedOrder) }
}
