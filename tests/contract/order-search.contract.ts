import { expect, test } from 'vitest'
import { createRandom } from '../../loadtest/orders.ts'
import type { NewOrderCommand } from '../../shared/domain/order-commands.ts'
import type { OrderToStore, ParkedRecord } from '../../shared/ports/order-store.ts'
import type { ListQuery, SearchQuery } from '../../shared/ports/order-views.ts'
import { ACCEPTED_AT, allPages, NOW, orderAt, type OpenStore, type StoreFeatures } from './store-fixtures.ts'

/** A store that is open and empty before each test, and how the suite of order views writes to it and reads it. */
export interface SearchedStore {
  readonly opened: () => OpenStore
  readonly store: (orders: readonly OrderToStore[]) => Promise<unknown>
  readonly park: (order: OrderToStore, changes?: Partial<ParkedRecord>) => Promise<unknown>
  readonly found: (q: string, query?: Partial<SearchQuery>) => Promise<string[]>
  readonly listed: (query: Partial<ListQuery>) => Promise<string[]>
}

/** What every OrderViews promises of search, in a list too. */
export function orderSearchContract(
  { opened, store, park, found, listed }: SearchedStore,
  features: StoreFeatures,
): void {
  const customer = (offset: number, customerName: string, customerLastName: string) =>
    orderAt(offset, { order: { customerName, customerLastName } })
  const item = (offset: number, brand: string) =>
    orderAt(offset, { order: { orderItems: [{ ...orderAt(0).order.orderItems[0]!, brand }] } })

  test('a text without a word finds nothing, and query syntax is just text', async () => {
    await store([customer(0, 'Alex', 'Near'), item(1, 'AND')])
    for (const q of ['', ' ', '"', '***', '🛒', '()', '-', '¤§', '§', '¤']) expect(await found(q)).toEqual([])
    for (const q of ['"alex" *', 'alex)', 'NEAR(', 'a*e', "alex'; --", 'name:alex', 'alex OR nobody', '^alex']) {
      await expect(opened().views.search({ q, limit: 5 })).resolves.toBeDefined()
    }
    expect(await found('"near"')).toHaveLength(1)
    expect(await found('alex AND nobody')).toEqual([])
    await expect(opened().views.search({ q: 'word '.repeat(2000), limit: 5 })).resolves.toEqual({
      items: [],
      nextCursor: null,
    })
    await expect(opened().views.search({ q: 'x'.repeat(10_000), limit: 5 })).resolves.toBeDefined()
  })

  test('a whole name comes before the beginning of one, a name before an item, then the newest', async () => {
    const orders = [
      item(0, 'Maria'),
      item(1, 'Mariana'),
      customer(2, 'Mariana', 'Lopez'),
      customer(3, 'Maria', 'Lopez'),
      item(4, 'Maria'),
      customer(5, 'Ana', 'Maria'),
      customer(6, 'Marianne', 'Lopez'),
      item(7, 'Marian'),
      customer(8, 'Alex', 'Lopez'),
    ]
    await store(orders)
    const ids = (...offsets: readonly number[]) => offsets.map((offset) => orders[offset]?.orderId)
    expect(await found('maria')).toEqual(ids(5, 3, 6, 2, 4, 0, 7, 1))
    expect(await found('maria', { customersOnly: true })).toEqual(ids(5, 3, 6, 2))
  })

  test('a reference is found by its words, in search and in a list, while the order is on its way too', async () => {
    const named = (offset: number, reference: string) => orderAt(offset, { order: { reference } })
    const [one, other, retrying] = [named(0, 'WEB-10482/b'), named(1, 'Web 99'), named(2, 'WEB-10482/c')]
    await store([one, other])
    await park(retrying)
    expect(await found('web-10482/B')).toEqual([one.orderId])
    expect(await found('web')).toEqual([other.orderId, one.orderId])
    expect(await found('alex 1048')).toEqual([one.orderId])
    expect(await found('web', { customersOnly: true })).toEqual([])
    expect(await listed({ q: '10482', status: 'retrying' })).toEqual([retrying.orderId])
  })

  test('every word must be there, in the name or in an item', async () => {
    const orders = [customer(0, 'Maria', 'Lopez'), item(1, 'Lopez'), customer(2, 'Maria', 'Smith')]
    await store(orders)
    expect(await found('lopez maria')).toEqual([orders[0]?.orderId])
    expect(await found('maria shirt')).toEqual([orders[2]?.orderId, orders[0]?.orderId])
    expect(await found('maria shirt', { customersOnly: true })).toEqual([])
  })

  test.runIf(features.fullText)('case and accents make no difference, in the text or in the query', async () => {
    const order = customer(0, 'José', 'MÜLLER-Ångström')
    await store([order])
    for (const q of ['jose', 'JOSÉ', 'muller', 'Müller', 'angstrom', 'mu', 'ang müll jo']) {
      expect(await found(q)).toEqual([order.orderId])
    }
  })

  test('any text finds what going through all orders would find, in that order', async () => {
    const random = createRandom(4)
    const pick = (some: readonly string[]) => some[Math.floor(random() * some.length)] ?? ''
    const orders = Array.from({ length: 120 }, (_, offset) => {
      const [base] = orderAt(0).order.orderItems
      const orderItems = Array.from({ length: 1 + Math.floor(random() * 2) }, () => ({
        ...base!,
        brand: pick(WORDS),
      }))
      return orderAt(offset, { order: { customerName: pick(WORDS), customerLastName: pick(WORDS), orderItems } })
    })
    await store(orders)
    const newest = orders.toReversed()
    for (let time = 0; time < 60; time += 1) {
      const words = Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(BEGINNINGS))
      const customersOnly = random() < 0.3
      const expected = [0, 1, 2, 3].flatMap((rank) =>
        newest.filter(({ order }) => rankOf(order, words) === rank && !(customersOnly && rank > 1)),
      )
      const q = words.join(' ')
      expect([q, await found(q, { customersOnly, limit: 50 })]).toEqual([q, expected.map(({ orderId }) => orderId)])
      const inList = newest.filter(({ order }) => rankOf(order, words) < 4).map(({ orderId }) => orderId)
      if (time % 6 === 0) expect([q, await listed({ q, limit: 50 })]).toEqual([q, inList])
    }
  })

  test('pages stay as they are while orders are added', async () => {
    const orders = Array.from({ length: 5 }, (_, offset) => customer(offset, 'Maria', 'Lopez'))
    await store(orders)
    const first = await opened().views.search({ q: 'maria', limit: 2 })
    await store([customer(5, 'Maria', 'Maria'), customer(6, 'Maria', 'Lopez')])
    const rest = await allPages((page) =>
      opened().views.search({ q: 'maria', limit: 2, cursor: first.nextCursor ?? 'there was no next page', ...page }),
    )
    expect([...first.items, ...rest].map(({ orderId }) => orderId)).toEqual(
      orders.map(({ orderId }) => orderId).reverse(),
    )
  })

  test('in a list it keeps the order of the list and goes with every filter and status', async () => {
    const orders = [item(0, 'Maria'), customer(1, 'Maria', 'Lopez'), item(2, 'Mariana'), customer(3, 'Alex', 'Lopez')]
    await store(orders)
    const retrying = customer(4, 'Maria', 'Retry')
    await park(retrying)
    const ids = (...offsets: readonly number[]) => offsets.map((offset) => orders[offset]?.orderId)
    expect(await listed({ q: 'maria' })).toEqual(ids(2, 1, 0))
    expect(await listed({ q: 'maria', currency: 'EUR', customerId: 1, paymentMethod: 'CreditCard' })).toEqual(
      ids(2, 1, 0),
    )
    expect(await listed({ q: 'maria', customerId: 2 })).toEqual([])
    expect(await listed({ q: 'maria', from: ACCEPTED_AT, to: NOW })).toEqual(ids(2, 1, 0))
    expect(await listed({ q: 'maria', from: NOW })).toEqual([])
    expect(await listed({ q: '***' })).toEqual([])
    expect(await listed({ q: 'maria', status: 'retrying' })).toEqual([retrying.orderId])
    expect(await listed({ q: 'maria', status: 'dead-lettered' })).toEqual([])
    await store([retrying])
    expect(await listed({ q: 'maria', status: 'retrying' })).toEqual([])
    expect(await listed({ q: 'retry' })).toEqual([retrying.orderId])
    // Nothing could be read of this one, so no word of an earlier one may lead to it.
    await park(customer(5, 'Nobody', 'Knows'), { order: null })
    expect(await listed({ q: 'maria', status: 'retrying' })).toEqual([])
  })
}

/** More that begin alike than an index may want to look up one by one, and some that begin nothing else. */
const WORDS = [
  ...Array.from({ length: 40 }, (_, index) => `acorn${String(index).padStart(2, '0')}`),
  ...['a', 'ac', 'acorn', 'acorns', 'birch', 'birchwood', 'elder', 'el', 'hazel', 'iris'].flatMap((word) => [
    word,
    word,
    word,
    word,
  ]),
]
const BEGINNINGS = ['a', 'ac', 'aco', 'acorn', 'acorn0', 'acorns', 'birch', 'birchw', 'el', 'elder', 'hazel', 'i', 'x']

/** What `search` promises, for words in lower case: 4 when it does not match. */
function rankOf({ customerName, customerLastName, orderItems }: NewOrderCommand, words: readonly string[]): number {
  const names = [customerName, customerLastName]
  const others = orderItems.flatMap(({ brand, type, size, colour }) => [brand, type, size, colour])
  const every = (among: readonly string[], matches: (text: string, word: string) => boolean) =>
    words.every((word) => among.some((text) => matches(text.toLowerCase(), word)))
  const isWhole = (text: string, word: string) => text === word
  const begins = (text: string, word: string) => text.startsWith(word)
  if (every(names, isWhole)) return 0
  if (every(names, begins)) return 1
  if (every([...names, ...others], isWhole)) return 2
  return every([...names, ...others], begins) ? 3 : 4
}
