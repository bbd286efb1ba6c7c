import { forgetValue } from '../../domain/forgetting/forget-value.ts'
import { claims } from '../../domain/forgetting/forgotten-records.ts'
import { orderIdOf } from '../../messaging/records/envelope.ts'
import type { EventLog, LogRecord, PartitionOffsets } from '../../ports/event-log.ts'
import type { OrderViews } from '../../ports/order-views.ts'
import { readPart, RECORDS_AT_ONCE } from '../log/read-beyond-unreadable.ts'

/**
 * The customer's records in one part of a partition. `values` has an entry for each record that contains personal data:
 * its offset, and its value without that data.
 */
export interface CustomerRecords {
  readonly topic: string
  readonly partition: number
  readonly values: ReadonlyMap<number, Uint8Array>
  /** The timestamp of the customer's newest record in this part. */
  readonly newest: number
  /** The number of offsets that could not be read. */
  readonly unreadable: number
}

/**
 * Reads whole topics and yields the records of one customer. A record belongs to the customer if its value names the
 * customer. A change, or a value that cannot be read, belongs to the customer if its order does. `orderIds` contains
 * the customer's orders that the store knows; further orders that are found in the log are added to it.
 */
export async function* recordsOfCustomer(
  dependencies: { log: Pick<EventLog, 'read' | 'offsets'>; views: Pick<OrderViews, 'getMany'> },
  topics: readonly string[],
  customerId: number,
  orderIds: Set<string>,
): AsyncGenerator<CustomerRecords> {
  const { log, views } = dependencies
  const others = new Set<string>()
  for (const topic of topics) {
    for (const offsets of await log.offsets(topic)) yield* recordsIn(topic, offsets)
  }

  async function* recordsIn(
    topic: string,
    { partition, first, end }: PartitionOffsets,
  ): AsyncGenerator<CustomerRecords> {
    for (let from = first; from < end;) {
      const { records, behind, unreadable } = await readPart(log, topic, partition, from, RECORDS_AT_ONCE)
      await learnOrders(records)
      const found = records.filter((record) => record.offset < end && isOfCustomer(record))
      const values = new Map(found.flatMap(({ offset, value }) => changed(offset, value)))
      const newest = Math.max(...found.map(({ timestamp }) => timestamp))
      const lost = unreadable === undefined ? 0 : Math.min(unreadable.to, end) - unreadable.from
      if (values.size > 0 || lost > 0) yield { topic, partition, values, newest, unreadable: lost }
      from = behind
    }
  }

  function isOfCustomer(record: LogRecord): boolean {
    if (claims(record.value, customerId)) return true
    const orderId = orderIds.size === 0 ? undefined : orderIdOf(record)
    return orderId !== undefined && orderIds.has(orderId)
  }

  /** Adds the orders of records that name the customer, unless the store has such an order under another customer. */
  async function learnOrders(records: readonly LogRecord[]): Promise<void> {
    const named = records.filter(({ value }) => claims(value, customerId)).flatMap((record) => orderIdOf(record) ?? [])
    const unknown = [...new Set(named)].filter((orderId) => !orderIds.has(orderId) && !others.has(orderId))
    if (unknown.length === 0) return
    const known = await views.getMany(unknown)
    for (const orderId of unknown) {
      const owner = known.get(orderId)?.customerId
      if (owner === undefined || owner === customerId) orderIds.add(orderId)
      else others.add(orderId)
    }
  }
}

/** Empty if the value holds no personal data, or if the data has already been removed. */
function changed(offset: number, value: Uint8Array | null): [offset: number, value: Uint8Array][] {
  const without = value && forgetValue(value)
  return without === null || without === value ? [] : [[offset, without]]
}
