import { expect, test } from 'vitest'
import { createRandom } from '../../../loadtest/orders.ts'
import type { NewOrderCommand } from '../../../shared/domain/order-commands.ts'
import { fold } from '../../../shared/domain/search/fold.ts'
import { queryWords, wordsOf } from '../../../shared/domain/search/search-words.ts'
import type { OrderToStore, ParkedRecord } from '../../../shared/ports/order-store.ts'
import type { ListQuery, SearchQuery } from '../../../shared/ports/order-views.ts'
import { ACCEPTED_AT, allPages, NOW, orderAt, type OpenStore, type StoreFeatures } from '../store-fixtures.ts'

/** A store that is empty before each test, and the functions with which the suite writes to it and reads from it. */
export interface SearchedStore {
  readonly opened: () => OpenStore
  readonly store: (orders: readonly OrderToStore[]) => Promise<unknown>
  readonly park: (order: OrderToStore, changes?: Partial<ParkedRecord>) => Promise<unknown>
  readonly found: (q: string, query?: Partial<SearchQuery>) => Promise<string[]>
  readonly listed: (query: Partial<ListQuery>) => Promise<string[]>
}

/** What every store guarantees about search, including search within a list. */
export function orderSearchContract(
  { opened, store, park, found, listed }: SearchedStore,
  features: StoreFeatures,
): void {
  const customer = (offset: number, customerName: string, customerLastName: string) =>
    orderAt(offset, { order: { customerName, customerLastName } })
  const item = (offset: number, brand: string) =>
    orderAt(offset, { order: { orderItems: [{ ...orderAt(0).order.orderItems[0]!, brand }] } })

  test('a query without words finds nothing, and query syntax is plain text', async () => {
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

  test('whole names rank before prefixes, names before items, then newest first', async () => {
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

  test('a reference is found by its words, in search and in lists, even before the order is stored', async () => {
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

  test('every word must match, in the name or in an item', async () => {
    const orders = [customer(0, 'Maria', 'Lopez'), item(1, 'Lopez'), customer(2, 'Maria', 'Smith')]
    await store(orders)
    expect(await found('lopez maria')).toEqual([orders[0]?.orderId])
    expect(await found('maria shirt')).toEqual([orders[2]?.orderId, orders[0]?.orderId])
    expect(await found('maria shirt', { customersOnly: true })).toEqual([])
  })

  test.runIf(features.fullText)(
    'case, accents and apostrophes make no difference, in the text or in the query',
    async () => {
      const inNames = FOUND_BY.map(([text], index) => customer(index, text, 'Surname'))
      const inItems = FOUND_BY.map(([text], index) => item(FOUND_BY.length + index, text))
      const failed = FOUND_BY.map(([text], index) => customer(2 * FOUND_BY.length + index, text, 'Surname'))
      await store([...inNames, ...inItems])
      for (const order of failed) await park(order)
      for (const [index, [text, queries, others = []]] of FOUND_BY.entries()) {
        const [inName, inItem, notStored] = [inNames, inItems, failed].map((orders) => orders[index]?.orderId)
        for (const q of queries) {
          expect(await found(q), `${q} for ${text}`).toEqual(expect.arrayContaining([inName, inItem]))
          expect(await found(q, { customersOnly: true }), `${q} for ${text}`).toContain(inName)
          expect(await listed({ q, status: 'retrying' }), `${q} for ${text}`).toContain(notStored)
        }
        for (const q of others) {
          expect(await found(q), `${q} for ${text}`).not.toContain(inName)
          expect(await listed({ q, status: 'retrying' }), `${q} for ${text}`).not.toContain(notStored)
        }
      }
    },
  )

  test('an e-mail address, an item code and an id find their order', async () => {
    const changes = {
      customerEmail: 'soren.test7@shop.example',
      orderItems: [{ ...orderAt(0).order.orderItems[0]!, itemCode: 'TRK-2041' }],
    }
    const order = orderAt(0, { order: changes })
    const failed = orderAt(1, { order: changes })
    await store([order, orderAt(2)])
    await park(failed)
    const findsBoth = ['soren.test7@shop.example', 'SOREN.TEST7@SHOP.EXAMPLE', 'test7', 'soren', 'sor', 'shop.example']
    for (const q of [...findsBoth, 'TRK-2041', 'trk-2041', '2041', 'trk', 'TRK-20', 'trk 2041 soren']) {
      expect([q, await found(q)]).toEqual([q, [order.orderId]])
      expect([q, await found(q, { customersOnly: true })]).toEqual([q, []])
      expect([q, await listed({ q, customerId: 1 })]).toEqual([q, [order.orderId]])
      expect([q, await listed({ q, status: 'retrying' })]).toEqual([q, [failed.orderId]])
    }
    const byBeginning = ({ orderId }: OrderToStore) => (features.emailDigitsByBeginning ? [orderId] : [])
    expect(await found('test')).toEqual(byBeginning(order))
    expect(await listed({ q: 'test', status: 'retrying' })).toEqual(byBeginning(failed))
    for (const q of ['TRK-2042', 'other.test7@shop.example']) expect([q, await found(q)]).toEqual([q, []])
    for (const { orderId } of [order, failed]) {
      const list: Partial<ListQuery> = orderId === failed.orderId ? { status: 'retrying' } : {}
      const short = orderId.slice(-12)
      for (const q of [orderId, orderId.toUpperCase(), short, `…${short}`, `${short} trk`]) {
        expect([q, await listed({ ...list, q })]).toEqual([q, [orderId]])
      }
      expect(await listed({ ...list, q: short.slice(0, -1) })).toEqual([])
    }
    expect(await found(order.orderId)).toEqual([order.orderId])
  })

  test('any query finds the same orders as a full scan, in the same order', async () => {
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
      const q = words.join(' ')
      const customersOnly = random() < 0.3
      const expected = [0, 1, 2, 3].flatMap((rank) =>
        newest.filter(({ order }) => rankOf(order, q) === rank && !(customersOnly && rank > 1)),
      )
      expect([q, await found(q, { customersOnly, limit: 50 })]).toEqual([q, expected.map(({ orderId }) => orderId)])
      const inList = newest.filter(({ order }) => rankOf(order, q) < 4).map(({ orderId }) => orderId)
      if (time % 6 === 0) expect([q, await listed({ q, limit: 50 })]).toEqual([q, inList])
    }
  })

  // Checks only the index, because `rankOf` splits text into words with the product's own code. The test that uses
  // `FOUND_BY` checks how text is split into words.
  test.runIf(features.fullText)('queries in any script find the same orders as a full scan', async () => {
    const random = createRandom(7)
    const pick = (some: readonly string[]) => some[Math.floor(random() * some.length)] ?? ''
    const write = (text: string) => WAYS_TO_WRITE[Math.floor(random() * WAYS_TO_WRITE.length)]?.(text) ?? text
    const orders = Array.from({ length: 80 }, (_, offset) => {
      const [base] = orderAt(0).order.orderItems
      const orderItems = [{ ...base!, brand: write(pick(TEXTS)), itemCode: pick(TEXTS) }]
      const customerLastName = `${write(pick(TEXTS))} ${pick(TEXTS)}`
      return orderAt(offset, { order: { customerName: write(pick(TEXTS)), customerLastName, orderItems } })
    })
    await store(orders)
    const newest = orders.toReversed()
    for (let time = 0; time < 60; time += 1) {
      const text = Array.from(write(pick(TEXTS)))
      const q = `${text.slice(0, 1 + Math.floor(random() * text.length)).join('')} ${random() < 0.3 ? pick(TEXTS) : ''}`
      const expected = [0, 1, 2, 3].flatMap((rank) => newest.filter(({ order }) => rankOf(order, q) === rank))
      expect([q, await found(q, { limit: 100 })]).toEqual([q, expected.map(({ orderId }) => orderId)])
    }
  })

  test('pages stay stable while orders are added', async () => {
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

  test('a search within a list keeps the order of the list and combines with every filter and status', async () => {
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
    // No part of this record could be read, so it has no words. A search for the words of an earlier record must not
    // find it.
    await park(customer(5, 'Nobody', 'Knows'), { order: null })
    expect(await listed({ q: 'maria', status: 'retrying' })).toEqual([])
  })
}

/** Many words with one prefix, more than a search may look up one by one, and a few words with other prefixes. */
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

/** A piece of text, the queries that find it, and the queries that do not. */
const FOUND_BY: readonly [text: string, queries: readonly string[], others?: readonly string[]][] = [
  ['José', ['jose', 'JOSÉ', 'Jose\u0301', 'jo'], ['josef']],
  ['MÜLLER-Ångström', ['muller', 'Müller', 'angstrom', 'ang müll', 'müller-angstrom']],
  ['Łukasz', ['Łukasz', 'łukasz', 'lukasz', 'LUKASZ', 'ŁUK'], ['ukasz']],
  ['LUKASZ', ['Łukasz', 'łukasz', 'lukasz']],
  ['Søren Østergaard', ['Søren Østergaard', 'soren ostergaard', 'SØREN ØSTERGAARD', 'øster']],
  ['Groß', ['Groß', 'gross', 'GROSS', 'GROẞ', 'groß']],
  ['GROSS', ['Groß', 'gross', 'groß']],
  ['Ægir Þórsson', ['Ægir Þórsson', 'aegir thorsson', 'ÆGIR', 'þórsson', 'THORSSON']],
  ['Đorđe', ['Đorđe', 'dorde', 'ĐORĐE', 'đorđe']],
  ['Işık', ['Işık', 'isik', 'IŞIK', 'ISIK', 'ışık', 'İŞİK']],
  ['ISIK', ['Işık', 'isik', 'ışık']],
  ["O'Connor", ['oconnor', "o'connor", 'O’Connor', 'OCONNOR', 'connor', "O'Con", 'o connor'], ['conner']],
  ['O’Connor', ['oconnor', "o'connor", 'connor', 'Oʼconnor']],
  ['OConnor', ['oconnor', "o'connor", 'O’Connor']],
  ['Gal·la', ['gal·la', 'galla', 'gal la']],
  ['小龍', ['龍', '小', '小龍'], ['龍小', '大龍']],
  ['山田たろう', ['山田', '田', 'たろ', '山田たろう'], ['田山', 'うろた']],
  ['ガード', ['カード', 'ｶﾞｰﾄﾞ', 'ガー']],
  ['김철수', ['김철수', '김철']],
  ['Ἀθήνα', ['αθηνα', 'ΑΘΗΝΑ', 'Αθήνα']],
  ['ΟΔΟΣ', ['οδός', 'οδοσ', 'Οδος']],
  ['Щукин', ['щукин', 'ЩУКИН']],
  ['ﬁne Ｗｉｄｅ', ['fine wide', 'FINE', 'wide']],
]

const TEXTS = [
  ...FOUND_BY.map(([text]) => text),
  'smile',
  '龍',
  '小',
  'たろう',
  "l'été",
  'Brand',
  "rock'n'roll",
  'Iş',
  'Gro',
]
const WAYS_TO_WRITE: readonly ((text: string) => string)[] = [
  (text) => text,
  fold,
  (text) => text.toUpperCase(),
  (text) => text.toLowerCase(),
  (text) => text.normalize('NFD'),
  (text) => text.normalize('NFKC'),
  (text) => text.replaceAll("'", '’'),
]

/**
 * The rank that `search` promises; 4 if the order does not match. This function uses the product's own `wordsOf` and
 * `queryWords`, so it checks how the index finds and ranks those words; `FOUND_BY` checks the words themselves. The
 * order's e-mail address has no digits, because stores differ in how they search for words with digits.
 */
function rankOf(order: NewOrderCommand, q: string): number {
  const words = queryWords(q)
  const names = [order.customerName, order.customerLastName].flatMap(wordsOf)
  const others = order.orderItems.flatMap(({ itemCode, brand, type, size, colour }) => [
    itemCode,
    brand,
    type,
    size,
    colour,
  ])
  const any = [...names, ...[...others, order.customerEmail, order.reference ?? ''].flatMap(wordsOf)]
  const every = (among: readonly string[], matches: (text: string, word: string) => boolean) =>
    words.every((word) => among.some((text) => matches(text, word)))
  const isWhole = (text: string, word: string) => text === word
  const begins = (text: string, word: string) => text.startsWith(word)
  if (words.length === 0) return 4
  if (every(names, isWhole)) return 0
  if (every(names, begins)) return 1
  if (every(any, isWhole)) return 2
  return every(any, begins) ? 3 : 4
}
