import { describe, expect, it } from 'vitest'
import { createArchive } from '../../../../shared/adapters/mssql/archive/archive.ts'
import {
  ARCHIVE_ORDERS,
  SELECT_ARCHIVABLE,
  SELECT_ARCHIVED,
  SELECT_DOCUMENTS,
} from '../../../../shared/adapters/mssql/archive/archive-sql.ts'
import { toRestoreJson } from '../../../../shared/adapters/mssql/archive/restore-json.ts'
import { RESTORE_ORDERS } from '../../../../shared/adapters/mssql/archive/restore-sql.ts'
import type { Parameters, Row } from '../../../../shared/adapters/mssql/database/connection.ts'
import { forgetArchived } from '../../../../shared/adapters/stores/forgetting/forgotten-orders.ts'
import { forgetOrder } from '../../../../shared/domain/forgetting/forgotten-data.ts'
import { archivedOrderSchema, type ArchivedOrder } from '../../../../shared/domain/archived-order.ts'
import { OrderError } from '../../../../shared/domain/errors.ts'
import { actAt, orderAt } from '../../../contract/store-fixtures.ts'
import { orderCommand } from '../../../support/orders/orders.ts'

/**
 * Tests the parts of the archive that need no server: rows become documents, and statements find their data in the
 * JSON.
 */

const HASH = 'a'.repeat(64)
const AT = new Date('2026-01-01T00:00:00.000Z')
const { orderId } = orderAt(0)
const CHANGE_ID = '019b76da-a800-72ad-a12e-871386bac895'
const { orderItems, ...order } = orderCommand({ reference: 'WEB-1' })

/** As the driver returns them: ids in upper case, BIGINT as text, BIT as a boolean. */
const ORDER_ROW: Row = {
  seq: '7',
  order_id: orderId.toUpperCase(),
  customer_id: String(order.customerId),
  customer_name: order.customerName,
  customer_last_name: order.customerLastName,
  customer_email: order.customerEmail,
  shipping_address: order.shippingAddress,
  billing_address: order.billingAddress,
  currency: order.currencyType,
  total_price: order.totalPrice,
  payment_method: order.paymentMethodType,
  accepted_at: AT,
  stored_at: AT,
  origin_topic: 'orders',
  origin_partition: 0,
  origin_offset: '41',
  body_hash: HASH,
  idempotency_key_hash: null,
  recovered: false,
  reference: 'WEB-1',
  metadata: null,
  version: 2,
  cancelled_at: null,
  cancellation_reason: null,
}
const ITEM_ROWS: Row[] = orderItems.map((item) => ({
  ...item,
  order_seq: '7',
  item_code: item.itemCode,
  currency: item.currencyType,
}))
const CHANGE_ROW: Row = {
  order_id: orderId.toUpperCase(),
  change_id: CHANGE_ID.toUpperCase(),
  kind: 'amend',
  state: 'applied',
  event: '{"kind":"amend","amendment":{"customerName":"Renamed"}}',
  body_hash: HASH,
  idempotency_key_hash: null,
  origin_topic: 'orders',
  origin_partition: 0,
  origin_offset: '42',
  accepted_at: AT,
  updated_at: AT,
  version: 2,
  cause_code: null,
  cause_detail: null,
  attempt: '0',
}
const ENTRY_ROW: Row = {
  order_id: orderId.toUpperCase(),
  happened_at: AT,
  kind: 'amended',
  attempt: null,
  next_attempt_at: null,
  cause_code: null,
  cause_detail: null,
  reason: null,
  change_id: CHANGE_ID.toUpperCase(),
  version: 2,
}

/** A server that answers each statement with these results. */
function archiveOn(answers: ReadonlyMap<string, readonly (readonly Row[])[] | (() => never)>) {
  const sent: { statement: string; parameters: Parameters }[] = []
  const archive = createArchive(async (statement, parameters = {}) => {
    sent.push({ statement, parameters })
    const answer = answers.get(statement) ?? []
    return typeof answer === 'function' ? answer() : answer
  })
  const batchOf = (statement: string) =>
    JSON.parse(String(sent.find((one) => one.statement === statement)?.parameters['batch']?.value)) as Record<
      string,
      unknown
    >
  return { archive, batchOf }
}

const DOCUMENT_ROWS = [[ORDER_ROW], ITEM_ROWS, [], [CHANGE_ROW], [], [ENTRY_ROW]] as const
const FREE = [{ is_rebuilding: false, is_reindexing: false }] as const
const FOUND = [[{ seq: '7', order_id: orderId.toUpperCase(), accepted_at: AT }]] as const

async function exported() {
  const { archive } = archiveOn(
    new Map<string, readonly (readonly Row[])[]>([
      [SELECT_ARCHIVABLE, FOUND],
      [SELECT_DOCUMENTS, DOCUMENT_ROWS],
    ]),
  )
  return archive.exportOrders({ before: '2026-06-01T00:00:00.000Z', limit: 2 })
}

const discarded = (): ArchivedOrder => ({
  orderId,
  acceptedAt: AT.toISOString(),
  order: { ...order, orderItems },
  stored: null,
  discarded: { attempt: 1, maxAttempts: 4, cause: { code: 'c', detail: 'd' }, updatedAt: AT.toISOString() },
  changes: [],
  history: [],
})

describe('the archive on SQL Server', () => {
  it('makes documents of rows that every store can read', async () => {
    const { items, nextCursor } = await exported()
    const [one] = items
    expect(archivedOrderSchema.parse(one?.order)).toEqual(one?.order)
    expect(one).toMatchObject({
      orderId,
      order: {
        order: { ...order, orderItems },
        stored: { origin: { topic: 'orders', partition: 0, offset: 41 }, version: 2, storedAt: AT.toISOString() },
        changes: [{ changeId: CHANGE_ID, origin: { offset: 42 }, version: 2 }],
        history: [{ kind: 'amended', changeId: CHANGE_ID }],
      },
    })
    // The page of stored orders was not full, so discarded orders follow.
    expect(nextCursor).not.toBeNull()
  })

  it('sends the figures that show whether the order is still the same, and tells orders archived before from those that changed', async () => {
    const [one] = (await exported()).items
    const other = '019b76da-a800-72b2-8d16-02133d7b11a9'
    const gone = '019b76da-a800-72b2-8d16-02133d7b11aa'
    const { archive, batchOf } = archiveOn(
      new Map<string, readonly (readonly Row[])[]>([
        [SELECT_DOCUMENTS, DOCUMENT_ROWS],
        [ARCHIVE_ORDERS, [[{ order_id: orderId.toUpperCase() }], FREE]],
        [SELECT_ARCHIVED, [[{ order_id: gone.toUpperCase(), archived_at: AT }]]],
      ]),
    )
    const orders = [{ orderId, hash: one?.hash ?? '' }, ...[other, gone].map((id) => ({ orderId: id, hash: HASH }))]
    expect(await archive.archiveOrders(orders, 'file', actAt(0))).toEqual({ archived: 1, known: 1, changed: [other] })
    expect(batchOf(ARCHIVE_ORDERS)).toMatchObject({
      orders: [
        { i: 0, orderId, isStored: true, version: 2, forgotten: false, changes: 1, entries: 0, changeEntries: 1 },
      ],
      words: expect.arrayContaining([[0, 'alex']]),
    })
  })

  it('compares whether the customer was forgotten, which changes no version and no count', async () => {
    const rows = [[{ ...ORDER_ROW, forgotten: true }], ...DOCUMENT_ROWS.slice(1)]
    const answers = new Map<string, readonly (readonly Row[])[]>([
      [SELECT_ARCHIVABLE, FOUND],
      [SELECT_DOCUMENTS, rows],
      [ARCHIVE_ORDERS, [[], FREE]],
    ])
    const { archive, batchOf } = archiveOn(answers)
    const { items } = await archive.exportOrders({ before: '2026-06-01T00:00:00.000Z', limit: 2 })
    await archive.archiveOrders([{ orderId, hash: items[0]?.hash ?? '' }], 'file', actAt(0))
    expect(batchOf(ARCHIVE_ORDERS)).toMatchObject({ orders: [{ forgotten: true }] })
    expect(ARCHIVE_ORDERS).toMatch(/o\.version = x\.version AND COALESCE\(o\.forgotten, 0\) = x\.forgotten/)
    expect(ARCHIVE_ORDERS).toMatch(
      /x\.forgotten = 1 OR s\.order_json IS NULL OR JSON_VALUE\(s\.order_json, '\$\.forgotten'\) IS NULL/,
    )
  })

  it('removes no order whose hash differs', async () => {
    const { archive, batchOf } = archiveOn(
      new Map<string, readonly (readonly Row[])[]>([
        [SELECT_DOCUMENTS, DOCUMENT_ROWS],
        [ARCHIVE_ORDERS, [[], FREE]],
      ]),
    )
    const result = await archive.archiveOrders([{ orderId, hash: HASH }], 'file', actAt(0))
    expect(result).toEqual({ archived: 0, known: 0, changed: [orderId] })
    expect(batchOf(ARCHIVE_ORDERS)).toEqual({ orders: [], words: [] })
  })

  it.each([
    [[[], [], [], [{ is_rebuilding: true, is_reindexing: false }]], 'A rebuild is running'],
    [[[], [], [], [{ is_rebuilding: false, is_reindexing: true }]], 'search index'],
    [[[], [{ order_id: orderId.toUpperCase() }], [], FREE], `The Idempotency-Key of order ${orderId}`],
    [[[], [], [{ order_id: orderId.toUpperCase(), archive_file: 'b.ndjson.gz' }], FREE], 'again, in b.ndjson.gz'],
  ])('refuses to restore: %#', async (answer, said) => {
    const { archive } = archiveOn(new Map([[RESTORE_ORDERS, answer]]))
    const refused = archive.restoreOrders([discarded()], 'file', actAt(0))
    await expect(refused).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining(said) })
  })

  it('names the order that violates a constraint', async () => {
    const refuse = () => {
      throw new OrderError('constraint-violated', 'A check.')
    }
    const { archive } = archiveOn(new Map([[RESTORE_ORDERS, refuse]]))
    const refused = archive.restoreOrders([discarded()], 'file', actAt(0))
    await expect(refused).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining(orderId) })
  })
})

describe('the JSON of a statement', () => {
  /** The lists that a statement reads, and the members that it reads from each. */
  function readBy(statement: string): Map<string, Set<string>> {
    const read = new Map<string, Set<string>>()
    for (const [, list = '', columns = ''] of statement.matchAll(
      /OPENJSON\(@batch, '\$\.(\w+)'\) WITH \(([^;]*?)\n?\) AS/g,
    )) {
      const members = [...columns.matchAll(/'\$\.(\w+)'/g)].map(([, name = '']) => name)
      read.set(list, new Set([...(read.get(list) ?? []), ...members]))
    }
    return read
  }

  it('has every member that RESTORE_ORDERS reads, and no other', async () => {
    const [one] = (await exported()).items
    const archived = [one!.order, discarded(), forgetArchived(discarded())]
    const json = toRestoreJson(archived) as unknown as Record<string, Record<string, unknown>[]>
    const read = readBy(RESTORE_ORDERS)
    for (const list of ['orders', 'states', 'changes', 'history', 'items']) {
      const members = new Set(json[list]?.flatMap((row) => Object.keys(row)))
      expect([list, [...members].toSorted()]).toEqual([list, [...(read.get(list) ?? [])].toSorted()])
    }
    expect(json['events']).toEqual([one?.order.changes[0]?.change])
    expect(json['stateOrders']).toEqual([null, { ...order, orderItems }, forgetOrder({ ...order, orderItems })])
  })

  it('has every member that ARCHIVE_ORDERS reads, and no other', async () => {
    const [one] = (await exported()).items
    const { archive, batchOf } = archiveOn(
      new Map<string, readonly (readonly Row[])[]>([
        [SELECT_DOCUMENTS, DOCUMENT_ROWS],
        [ARCHIVE_ORDERS, [[], FREE]],
      ]),
    )
    await archive.archiveOrders([{ orderId, hash: one?.hash ?? '' }], 'file', actAt(0))
    const [row] = batchOf(ARCHIVE_ORDERS)['orders'] as Record<string, unknown>[]
    expect(Object.keys(row ?? {}).toSorted()).toEqual([...(readBy(ARCHIVE_ORDERS).get('orders') ?? [])].toSorted())
  })
})
