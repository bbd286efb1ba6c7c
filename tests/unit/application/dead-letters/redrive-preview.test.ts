import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createFaults, NO_FAULTS, type Faults } from '../../../../shared/adapters/faults/faults.ts'
import { createSqliteStore } from '../../../../shared/adapters/sqlite/sqlite-store.ts'
import type { Store } from '../../../../shared/adapters/stores/store.ts'
import {
  createPreviewRedrive,
  type PreviewRedrive,
} from '../../../../shared/application/dead-letters/preview-redrive.ts'
import type { ChangeEvent, NewOrder } from '../../../../shared/domain/order-events.ts'
import type { DeadLetter } from '../../../../shared/ports/dead-letters.ts'
import {
  actAt,
  batchOf,
  changeAt,
  changeLetterOf,
  letterOf,
  orderAt,
  parkedChange,
  parkedFrom,
} from '../../../contract/store-fixtures.ts'
import {
  changeEvent,
  changeMessageOf,
  delivered,
  messageOf,
  newOrder,
  orderCommand,
} from '../../../support/orders/orders.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

describe('the preview of a redrive', () => {
  let directory: string
  let opened: Store
  let faults: Faults
  let preview: PreviewRedrive
  const page = { limit: 100 }

  beforeEach(async () => {
    directory = temporaryDirectory()
    opened = await createSqliteStore({ file: join(directory, 'orders.db') })
    faults = createFaults()
    preview = createPreviewRedrive({ store: faults.wrapStore(opened.store), deadLetters: opened.deadLetters })
  })
  afterEach(() => opened[Symbol.asyncDispose]())

  async function keep(
    offset: number,
    event: NewOrder = newOrder(),
    changes: Partial<DeadLetter> = {},
  ): Promise<string> {
    const { key, value, headers } = delivered(messageOf(event), { offset })
    const order = orderAt(offset, { orderId: event.orderId })
    const parked = parkedFrom(order, { state: 'dead', nextAttemptAt: null })
    await opened.store.storeBatch(batchOf([], { parked: [parked] }))
    await opened.deadLetters.keep([letterOf(order, { key, value, headers, ...changes })])
    return `orders:0:${offset}`
  }

  /** Every row of every table, including the tables behind the virtual full-text ones. */
  function wholeDatabase(): Record<string, unknown> {
    const db = new DatabaseSync(join(directory, 'orders.db'), { readOnly: true })
    try {
      const tables = db
        .prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'`)
        .all()
      const rowsOf = (table: string) => {
        const select = db.prepare(`SELECT * FROM "${table}"`)
        select.setReadBigInts(true)
        return select.all()
      }
      return Object.fromEntries(tables.map(({ name }) => [String(name), rowsOf(String(name))]))
    } finally {
      db.close()
    }
  }

  it('predicts the outcome of each letter, and changes nothing at all', async () => {
    const stored = newOrder()
    const [good, unreadable, invalid, known] = [
      await keep(0),
      await keep(1, newOrder(), { value: Buffer.from('{') }),
      await keep(2, newOrder({ data: { ...orderCommand(), customerId: -1 } })),
      await keep(3, stored),
    ]
    const faulty = await keep(4, newOrder({ data: orderCommand({ customerId: 13 }) }))
    const reused = await keep(5, { ...stored, data: orderCommand({ customerName: 'Another' }) })
    await opened.store.storeBatch(batchOf([{ ...orderAt(9), orderId: stored.orderId }], { delivered: 'copy' }))
    faults.apply({ ...NO_FAULTS, throwForCustomers: [13] })
    const before = wholeDatabase()
    const { items, nextCursor } = await preview({}, page)
    expect(wholeDatabase()).toEqual(before)
    expect(nextCursor).toBeNull()
    expect(items.map(({ id, outcome, cause }) => [id, outcome, cause?.code])).toEqual([
      [reused, 'still-fails', 'order-id-reused'],
      [faulty, 'still-fails', 'internal'],
      [known, 'already-stored', undefined],
      [invalid, 'still-fails', 'invalid-order'],
      [unreadable, 'still-fails', 'undecodable-record'],
      [good, 'would-be-stored', undefined],
    ])
  })

  it.each(['down', 'busy'] as const)('has no result while the store is %s', async (store) => {
    await keep(0)
    await keep(1, newOrder(), { value: Buffer.from('{') })
    faults.apply({ ...NO_FAULTS, store })
    const { items } = await preview({}, page)
    expect(items.map(({ outcome }) => outcome)).toEqual(['still-fails', 'unknown'])
  })

  it('covers many letters page by page', async () => {
    for (let offset = 0; offset < 5; offset += 1) await keep(offset)
    const first = await preview({ fingerprint: 'f1' }, { limit: 3 })
    const second = await preview({ fingerprint: 'f1' }, { limit: 3, cursor: first.nextCursor ?? '' })
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(
      [4, 3, 2, 1, 0].map((offset) => `orders:0:${offset}`),
    )
    expect(second.nextCursor).toBeNull()
  })

  describe('of orders and their changes', () => {
    const { orderId } = newOrder()
    const named = (customerName: string, more: Partial<ChangeEvent> = {}) =>
      changeEvent(orderId, { change: { kind: 'amend', amendment: { customerName } }, ...more })

    /** Keeps the letter of a change, but does not store the change itself. */
    async function keepChange(offset: number, event: ChangeEvent, changes: Partial<DeadLetter> = {}): Promise<string> {
      const { key, value, headers } = delivered(changeMessageOf(event), { offset })
      const { changeId, change } = event
      const dead = changeAt(offset, event, change, { changeId })
      await opened.store.storeBatch(
        batchOf([], { parked: [parkedChange(dead, { state: 'dead', nextAttemptAt: null })] }),
      )
      await opened.deadLetters.keep([changeLetterOf(dead, { key, value, headers, ...changes })])
      return `orders:0:${offset}`
    }
    const outcomesOf = ({ items }: Awaited<ReturnType<PreviewRedrive>>) => items.map(({ id, outcome }) => [id, outcome])

    it('lets a change follow its order in the same selection, however the pages divide them', async () => {
      const order = await keep(0, newOrder({ orderId }))
      const [first, second] = [await keepChange(1, named('A')), await keepChange(2, named('B'))]
      const all = [
        [second, 'would-be-applied'],
        [first, 'would-be-applied'],
        [order, 'would-be-stored'],
      ]
      expect(outcomesOf(await preview({}, page))).toEqual(all)
      expect(outcomesOf(await preview({}, { limit: 1 }))).toEqual(all.slice(0, 1))
      expect(outcomesOf(await preview({ ids: [second, order, first] }, page))).toEqual([all[0], all[2], all[1]])
      expect(outcomesOf(await preview({ ids: [second, order] }, page))).toEqual([[second, 'would-wait'], all[2]])
      expect(outcomesOf(await preview({ ids: [first] }, page))).toEqual([[first, 'would-wait']])
      await keepChange(3, named('C'), { fingerprint: 'f2' })
      expect(outcomesOf(await preview({ fingerprint: 'f2' }, page))).toEqual([['orders:0:3', 'would-wait']])
    })

    it('takes along an order and earlier changes, however many later letters the order has', async () => {
      const order = await keep(0, newOrder({ orderId }))
      const changes: string[] = []
      for (let offset = 1; offset <= 110; offset += 1) changes.unshift(await keepChange(offset, named(`N${offset}`)))
      const [last = ''] = changes
      const { items } = await preview({ ids: [last, order, ...changes.slice(1)] }, page)
      expect(items[0]).toMatchObject({ id: last, outcome: 'would-be-applied' })
      expect(outcomesOf(await preview({}, { limit: 1 }))).toEqual([[last, 'would-be-applied']])
    })

    it('blames the right letter if the order lies in a later partition than its changes', async () => {
      const event = newOrder({ orderId, data: orderCommand({ customerId: 13 }) })
      const { key, value, headers } = delivered(messageOf(event), { partition: 1, offset: 0 })
      const order = orderAt(0, { orderId, origin: { topic: 'orders', partition: 1, offset: 0 } })
      await opened.deadLetters.keep([letterOf(order, { key, value, headers })])
      const change = await keepChange(1, named('A'))
      faults.apply({ ...NO_FAULTS, throwForCustomers: [13] })
      expect(outcomesOf(await preview({}, page))).toEqual([
        [change, 'would-wait'],
        ['orders:1:0', 'still-fails'],
      ])
    })

    it('reports the changes that wait with the last letter that they wait for, and says why one is rejected', async () => {
      const order = await keep(0, newOrder({ orderId }))
      const dead = await keepChange(1, named('A'))
      const [good, bad] = [
        changeAt(2, { orderId }, { kind: 'cancel' }),
        changeAt(3, { orderId }, { kind: 'amend', amendment: { customerName: 'B' } }),
      ]
      await opened.store.storeBatch(batchOf([], { changes: [good, bad] }))
      expect((await preview({}, page)).items).toMatchObject([
        {
          id: dead,
          outcome: 'would-be-applied',
          followers: [
            { changeId: good.changeId, outcome: 'would-be-applied' },
            { changeId: bad.changeId, outcome: 'would-be-rejected', cause: { code: 'order-cancelled' } },
          ],
        },
        { id: order, outcome: 'would-be-stored' },
      ])
      const [alone] = (await preview({ ids: [order] }, page)).items
      expect(alone).not.toHaveProperty('followers')
    })

    it('lets a change wait behind an order that still makes the store fail', async () => {
      const order = await keep(0, newOrder({ orderId, data: orderCommand({ customerId: 13 }) }))
      const change = await keepChange(1, named('A'))
      const other = await keep(2)
      faults.apply({ ...NO_FAULTS, throwForCustomers: [13] })
      expect(outcomesOf(await preview({}, page))).toEqual([
        [other, 'would-be-stored'],
        [change, 'would-wait'],
        [order, 'still-fails'],
      ])
    })
  })

  it('refuses what a redrive would refuse', async () => {
    const letterId = await keep(0)
    await expect(preview({ ids: [letterId, 'orders:0:9'] }, page)).rejects.toMatchObject({
      code: 'dead-letter-not-found',
    })
    await opened.redriveTasks.discard(letterId, actAt(0))
    await expect(preview({ ids: [letterId] }, page)).rejects.toMatchObject({ code: 'conflict' })
    await expect(preview({}, page)).rejects.toMatchObject({ code: 'conflict' })
  })
})
