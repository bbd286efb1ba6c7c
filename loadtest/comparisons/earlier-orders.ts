import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { createSqliteStore } from '../../shared/adapters/sqlite/sqlite-store.ts'
import { STORE_FILE } from '../../shared/disk/data-files.ts'
import { newOrderCommandSchema } from '../../shared/domain/order-commands.ts'
import { bodyHash, newOrderJson } from '../../shared/domain/order-events.ts'
import { createOrderIds, type OrderIds } from '../../shared/domain/order-id.ts'
import type { OrderToStore } from '../../shared/ports/order-store.ts'
import { createOrders, type Orders } from '../orders.ts'
import type { Caller } from './figures.ts'

/** The product's own batch size for one transaction. */
const BATCH = 500
const DAY_MS = 24 * 60 * 60_000
/** The orders were accepted over a period of two years that ended this many days ago. */
const ENDED_DAYS_AGO = 30
const SPAN_DAYS = 730
/**
 * These orders have their own topic and group, because the log of the product under test does not contain their
 * records.
 */
const ORIGIN = { topic: 'loadtest-earlier', partition: 0 }
const GROUP = 'loadtest-earlier'

export interface EarlierOrders {
  /** Half of the orders were accepted before this time (RFC 3339). */
  readonly middle: string
  readonly seconds: number
}

/**
 * Fills the product's store while the product is not running. The orders pass through the store's own adapter in
 * batches as large as the product's own, so the tables, the search index and the ledger end up as if the product had
 * stored the orders. Only the intake and the log are skipped, because they take longer than storing.
 */
export async function storeEarlierOrders(
  directory: string,
  count: number,
  { onProgress, signal }: Caller,
): Promise<EarlierOrders> {
  const began = performance.now()
  const endedAt = Date.now() - ENDED_DAYS_AGO * DAY_MS
  const acceptedAt = (index: number) => Math.floor(endedAt - ((count - index) / count) * SPAN_DAYS * DAY_MS)
  const orders = createOrders(count)
  const orderIds = createOrderIds([randomBytes(24).toString('base64url')])
  const opened = await createSqliteStore({ file: join(directory, STORE_FILE) })
  try {
    let storing: Promise<unknown> = Promise.resolve()
    for (let start = 0; start < count; start += BATCH) {
      signal.throwIfAborted()
      const size = Math.min(BATCH, count - start)
      const batch = Array.from({ length: size }, (_, n) => orderAt(start + n, acceptedAt(start + n), orders, orderIds))
      // This thread creates a batch while the store's thread writes the previous one.
      await storing
      const now = batch.at(-1)?.acceptedAt ?? ''
      storing = opened.store.storeBatch({ groupId: GROUP, delivered: 'origin', orders: batch, parked: [], now })
      if (start % (20 * BATCH) === 0) onProgress(`storing ${count} earlier orders: ${start}`)
    }
    await storing
  } finally {
    await opened[Symbol.asyncDispose]()
  }
  const seconds = Math.round((performance.now() - began) / 1000)
  return { middle: new Date(acceptedAt(Math.floor(count / 2))).toISOString(), seconds }
}

function orderAt(offset: number, acceptedMs: number, orders: Orders, orderIds: OrderIds): OrderToStore {
  const json = newOrderJson(newOrderCommandSchema.parse(JSON.parse(orders.next())))
  return {
    origin: { ...ORIGIN, offset },
    orderId: orderIds.next(acceptedMs),
    acceptedAt: new Date(acceptedMs).toISOString(),
    json,
    bodyHash: bodyHash(json),
    idempotencyKeyHash: null,
    redriveOf: null,
    supersedes: null,
  }
}
