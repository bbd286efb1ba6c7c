import { describe, expect, test } from 'vitest'
import { MAX_AMOUNT } from '../../../shared/domain/money.ts'
import {
  ACCEPTED_AT,
  allPages,
  batchOf,
  GROUP,
  keyHash,
  LATER,
  letterIdOf,
  letterOf,
  lineOf,
  NOW,
  openForEachTest,
  orderAt,
  parkedFrom,
  place,
  type OpenEmptyStore,
} from '../store-fixtures.ts'

/** What every adapter for `OrderStore` guarantees. */
export function orderStoreContract(name: string, open: OpenEmptyStore): void {
  describe(`${name} as an order store`, () => {
    const opened = openForEachTest(open)

    const kinds = async (...batch: Parameters<typeof batchOf>) => {
      const { outcomes, counted } = await opened.store.storeBatch(batchOf(...batch))
      return { kinds: outcomes.map((outcome) => (outcome.kind === 'rejected' ? outcome.code : outcome.kind)), counted }
    }
    const storedIds = async () =>
      (await allPages((page) => opened.views.list({ limit: 50, ...page }))).map((o) => o.orderId)
    const ledgerLine = async () => lineOf(await opened.ledger.read(GROUP, 'orders', 10))

    test('a stored order reads back as it was accepted', async () => {
      const order = orderAt(0, {
        order: { totalPrice: MAX_AMOUNT, customerName: 'Zoë 🛒', shippingAddress: 'two\nlines' },
      })
      expect(await kinds([order])).toEqual({ kinds: ['stored'], counted: true })
      expect(await opened.views.get(order.orderId)).toEqual({
        orderId: order.orderId,
        status: 'stored',
        acceptedAt: ACCEPTED_AT,
        storedAt: NOW,
        version: 1,
        ...order.order,
        customerFullName: 'Zoë 🛒 Example',
        orderItems: [{ ...order.order.orderItems[0], longDescription: 'Brand Shirt M Blue' }],
      })
    })

    test('an order of 500 items keeps all of them, in order', async () => {
      const [item] = orderAt(0).order.orderItems
      const orderItems = Array.from({ length: 500 }, (_, line) => ({
        ...item!,
        itemCode: `A-${line}`,
        price: line / 10_000,
      }))
      const order = orderAt(0, { order: { orderItems } })
      await kinds([order])
      const view = await opened.views.get(order.orderId)
      expect(view?.orderItems?.map(({ itemCode, price }) => ({ itemCode, price }))).toEqual(
        orderItems.map(({ itemCode, price }) => ({ itemCode, price })),
      )
    })

    test('a redelivered batch changes nothing', async () => {
      const orders = [orderAt(0), orderAt(1), orderAt(2)]
      await kinds(orders)
      const before = await ledgerLine()
      expect(await kinds(orders, { now: LATER })).toEqual({ kinds: ['stored', 'stored', 'stored'], counted: true })
      expect(await ledgerLine()).toEqual(before)
      expect(await storedIds()).toEqual(orders.map(({ orderId }) => orderId).reverse())
      expect((await opened.views.get(orders[0]!.orderId))?.storedAt).toBe(NOW)
    })

    test('the same order at another position is a duplicate, also within one batch', async () => {
      const order = orderAt(0)
      const again = { ...order, origin: place(1) }
      expect((await kinds([order, again])).kinds).toEqual(['stored', 'duplicate'])
      expect((await kinds([{ ...order, origin: place(2) }])).kinds).toEqual(['duplicate'])
      expect((await kinds([order, again])).kinds).toEqual(['stored', 'duplicate'])
      expect(await storedIds()).toEqual([order.orderId])
      expect(await ledgerLine()).toMatchObject({ stored: 1, duplicate: 2, next: 3, balanced: true })
    })

    test('another order under a known id is rejected, and the rest are stored', async () => {
      const order = orderAt(0)
      const impostor = orderAt(1, { orderId: order.orderId, order: { customerName: 'Mallory' } })
      const other = orderAt(2)
      expect(await kinds([order, impostor, other])).toEqual({
        kinds: ['stored', 'order-id-reused', 'stored'],
        counted: false,
      })
      expect(await ledgerLine()).toBeUndefined()
      expect(await storedIds()).toEqual([other.orderId, order.orderId])

      const dead = parkedFrom(impostor, { state: 'dead', nextAttemptAt: null })
      expect(await kinds([order, other], { parked: [dead] })).toEqual({ kinds: ['stored', 'stored'], counted: true })
      expect(await ledgerLine()).toMatchObject({ stored: 2, parked: 1, next: 3, balanced: true })
      expect(await opened.views.get(order.orderId)).toMatchObject({ status: 'stored', customerName: 'Alex' })
    })

    test('an Idempotency-Key belongs to one order', async () => {
      const first = orderAt(0, { idempotencyKeyHash: keyHash('key') })
      const second = orderAt(1, { idempotencyKeyHash: keyHash('key') })
      expect((await kinds([first, second])).kinds).toEqual(['stored', 'idempotency-key-reused'])
      expect((await kinds([second])).kinds).toEqual(['idempotency-key-reused'])
      expect(await opened.store.findByIdempotencyKey(keyHash('key'))).toEqual({
        orderId: first.orderId,
        bodyHash: first.bodyHash,
        acceptedAt: ACCEPTED_AT,
      })
      expect(await opened.store.findByIdempotencyKey(keyHash('another'))).toBeUndefined()
    })

    test('an order that violates a constraint is rejected alone, and nothing of it remains', async () => {
      const [item] = orderAt(0).order.orderItems
      const good = orderAt(0)
      const bad = orderAt(1, { order: { orderItems: [item!, { ...item!, brand: 'Zyzzyva', quantity: -1 }] } })
      const alsoGood = orderAt(2)
      expect(await kinds([good, bad, alsoGood])).toEqual({
        kinds: ['stored', 'constraint-violated', 'stored'],
        counted: false,
      })
      expect(await storedIds()).toEqual([alsoGood.orderId, good.orderId])
      expect((await opened.views.search({ q: 'zyzzyva', limit: 10 })).items).toEqual([])
    })

    test('concurrent batches do not disturb one another', async () => {
      const orders = Array.from({ length: 40 }, (_, offset) => orderAt(offset))
      const order = orders[0]!
      const batches = Array.from({ length: 8 }, (_, part) => [order, ...orders.slice(part * 5, part * 5 + 5)])
      const results = await Promise.all(batches.map((batch) => kinds(batch, { delivered: 'copy' })))
      expect(results.flatMap((result) => result.kinds).every((kind) => kind === 'stored')).toBe(true)
      expect((await storedIds()).toSorted()).toEqual(orders.map(({ orderId }) => orderId).toSorted())
    })

    test('a copy updates the parked row of its origin and counts no offset', async () => {
      const order = orderAt(0)
      await kinds([], { parked: [parkedFrom(order)] })
      expect(await kinds([order], { delivered: 'copy' })).toEqual({ kinds: ['stored'], counted: true })
      const snapshot = await opened.ledger.read(GROUP, 'orders', 10)
      expect(snapshot.parked).toMatchObject({ retrying: 0, stored: 1 })
      expect(lineOf(snapshot)).toMatchObject({ stored: 0, parked: 1, next: 1, balanced: true })
      expect((await opened.views.get(order.orderId))?.status).toBe('stored')
    })

    test('a copy that arrives before its origin was counted leaves the ledger balanced', async () => {
      const [stored, parked] = [orderAt(0), orderAt(1)]
      await kinds([stored], { delivered: 'copy', parked: [parkedFrom(parked, { attempt: 2 })] })
      await kinds([stored], { parked: [parkedFrom(parked)] })
      const snapshot = await opened.ledger.read(GROUP, 'orders', 10)
      expect(lineOf(snapshot)).toMatchObject({ stored: 1, parked: 1, next: 2, balanced: true })
      expect(await opened.views.get(parked.orderId)).toMatchObject({ status: 'retrying', attempt: 2 })
    })

    test('a stored redrive recovers its order and resolves the dead letter', async () => {
      const order = orderAt(0)
      await kinds([], { parked: [parkedFrom(order, { state: 'dead', attempt: 4, nextAttemptAt: null })] })
      await opened.deadLetters.keep([letterOf(order)])
      const redriven = { ...order, origin: place(1), redriveOf: letterIdOf(order) }

      expect((await kinds([redriven], { now: LATER })).kinds).toEqual(['stored'])
      expect((await kinds([redriven], { now: LATER })).kinds).toEqual(['stored'])
      expect(await opened.views.get(order.orderId)).toMatchObject({
        status: 'stored',
        recovered: true,
        storedAt: LATER,
      })
      expect((await opened.deadLetters.get(letterIdOf(order)))?.state).toBe('resolved')
      const snapshot = await opened.ledger.read(GROUP, 'orders', 10)
      expect(snapshot.parked).toMatchObject({ dead: 0, redriven: 1 })
      expect(lineOf(snapshot)).toMatchObject({ stored: 1, parked: 1, redriven: 1, next: 2, balanced: true })
    })

    test('an edited dead letter is stored at its position, and the original is then a known duplicate', async () => {
      const order = orderAt(0)
      await kinds([], { parked: [parkedFrom(order, { state: 'dead', nextAttemptAt: null })] })
      await opened.deadLetters.keep([letterOf(order)])
      const supersedes = letterIdOf(order)
      const edited = orderAt(1, {
        orderId: order.orderId,
        supersedes,
        redriveOf: supersedes,
        order: { customerName: 'Alice' },
      })

      expect((await kinds([edited])).kinds).toEqual(['stored'])
      expect((await kinds([order])).kinds).toEqual(['duplicate'])
      // A redrive that was in flight when the letter was edited.
      const late = { ...order, origin: place(2), redriveOf: supersedes }
      expect((await kinds([late])).kinds).toEqual(['duplicate'])
      expect(await opened.views.get(order.orderId)).toMatchObject({
        status: 'stored',
        customerName: 'Alice',
        recovered: true,
      })
      expect((await opened.deadLetters.get(supersedes))?.state).toBe('resolved')
    })

    test('an edit that arrives after its order was stored changes nothing and is not rejected', async () => {
      const order = orderAt(0)
      await opened.deadLetters.keep([letterOf(order)])
      await kinds([order])
      const supersedes = letterIdOf(order)
      const edited = orderAt(1, { orderId: order.orderId, supersedes, order: { customerName: 'Alice' } })
      expect((await kinds([edited])).kinds).toEqual(['duplicate'])
      expect(await opened.views.get(order.orderId)).toMatchObject({ customerName: 'Alex' })
      const unrelated = orderAt(2, {
        orderId: order.orderId,
        supersedes: 'orders:0:99',
        order: { customerName: 'Eve' },
      })
      expect((await kinds([unrelated])).kinds).toEqual(['order-id-reused'])
    })

    test('a retry that succeeds after its record was dead-lettered resolves the dead letter', async () => {
      const order = orderAt(0)
      await kinds([], { parked: [parkedFrom(order)] })
      await opened.deadLetters.keep([letterOf(order)])
      await kinds([order], { delivered: 'copy' })
      expect((await opened.deadLetters.get(letterIdOf(order)))?.state).toBe('resolved')
      expect(await opened.views.get(order.orderId)).toMatchObject({ status: 'stored' })
      expect((await opened.ledger.read(GROUP, 'orders', 10)).parked).toMatchObject({ stored: 1, dead: 0 })
    })

    test('a failure that is reported late does not change a stored order', async () => {
      const order = orderAt(0)
      await kinds([order])
      const told = await opened.views.history(order.orderId)
      const again = { ...order, origin: place(1) }
      const parked = [parkedFrom(again, { state: 'dead', nextAttemptAt: null })]
      await kinds([], { parked, now: LATER })
      await opened.deadLetters.keep([letterOf(again)])
      expect(await opened.views.get(order.orderId)).toMatchObject({ status: 'stored' })
      expect(await opened.views.history(order.orderId)).toEqual(told)
      expect((await opened.views.list({ limit: 10, status: 'dead-lettered' })).items).toEqual([])
      expect(await ledgerLine()).toMatchObject({ stored: 1, parked: 1, balanced: true })
    })

    test('a preview reports the outcome and changes nothing', async () => {
      const known = orderAt(0)
      await kinds([known])
      const [item] = known.order.orderItems
      const orders = [
        orderAt(1),
        { ...known, origin: place(2) },
        orderAt(3, { orderId: known.orderId, order: { customerName: 'Mallory' } }),
        orderAt(4, { order: { orderItems: [{ ...item!, quantity: -1 }] } }),
      ]
      const { outcomes } = await opened.store.previewBatch({ orders })
      expect(outcomes.map((outcome) => (outcome.kind === 'rejected' ? outcome.code : outcome.kind))).toEqual([
        'stored',
        'duplicate',
        'order-id-reused',
        'constraint-violated',
      ])
      expect(await storedIds()).toEqual([known.orderId])
      expect(await ledgerLine()).toMatchObject({ next: 1 })
    })

    test('an empty batch is counted', async () => {
      expect(await kinds([])).toEqual({ kinds: [], counted: true })
    })

    test('is healthy while it is open; after closing it reports that and rejects as an outage', async () => {
      expect(await opened.store.health()).toEqual({ available: true })
      const closed = await open()
      await closed[Symbol.asyncDispose]()
      expect(await closed.store.health()).toMatchObject({ available: false, cause: expect.any(String) as string })
      await expect(closed.store.storeBatch(batchOf([orderAt(0)]))).rejects.toMatchObject({
        code: 'store-unavailable',
        retriable: true,
      })
      await expect(closed.views.get(orderAt(0).orderId)).rejects.toMatchObject({ code: 'store-unavailable' })
    })
  })
}
