import { describe, expect, it } from 'vitest'
import { newOrderCommandSchema } from '../../../shared/domain/order-commands.ts'
import { bodyHash, newOrderJson } from '../../../shared/domain/order-events.ts'
import { violationsOf } from '../../../shared/domain/violations.ts'
import { ORIGINAL_BODY } from '../../support/orders/orders.ts'

const [ITEM] = ORIGINAL_BODY.orderItems

function faultsOf(body: unknown): string[] {
  const parsed = newOrderCommandSchema.safeParse(body)
  return parsed.success ? [] : violationsOf(parsed.error).map(({ pointer, detail }) => `${pointer} ${detail}`)
}

describe('the command NewOrder', () => {
  it('accepts the body of the original application unchanged, and turns its numbers into names', () => {
    const order = newOrderCommandSchema.parse(ORIGINAL_BODY)
    expect(order).toMatchObject({ currencyType: 'EUR', paymentMethodType: 'CreditCard', totalPrice: 42.5 })
    expect(order.orderItems[0]).toMatchObject({ currencyType: 'EUR', price: 42.5 })
  })

  it('accepts names as well as numbers', () => {
    const order = newOrderCommandSchema.parse({ ...ORIGINAL_BODY, currencyType: 'GBP', paymentMethodType: 'Invoice' })
    expect(order).toMatchObject({ currencyType: 'GBP', paymentMethodType: 'Invoice' })
  })

  it('ignores unknown members', () => {
    expect(newOrderCommandSchema.parse({ ...ORIGINAL_BODY, note: 'x' })).not.toHaveProperty('note')
  })

  it.each([0, 0.0001, 0.1, 42.5, 9_999_999_999.9999, 1_234_567_890.1234])('accepts the amount %d', (totalPrice) => {
    expect(newOrderCommandSchema.parse({ ...ORIGINAL_BODY, totalPrice }).totalPrice).toBe(totalPrice)
  })

  it.each([-0.0001, 10_000_000_000, 0.00001, 1.23456, 0.1 + 0.2, 1e300, Number.NaN, '1', null])(
    'refuses the amount %j',
    (totalPrice) => {
      expect(faultsOf({ ...ORIGINAL_BODY, totalPrice })[0]).toMatch(/^\/totalPrice /)
    },
  )

  it('counts characters as people do: 100 emoji are 100', () => {
    expect(faultsOf({ ...ORIGINAL_BODY, customerName: '😀'.repeat(100) })).toEqual([])
    expect(faultsOf({ ...ORIGINAL_BODY, customerName: '😀'.repeat(101) })).toEqual([
      '/customerName must have at most 100 characters, has 101',
    ])
  })

  it('accepts addresses of several lines, but no other control characters anywhere', () => {
    expect(faultsOf({ ...ORIGINAL_BODY, shippingAddress: '1 Sample Street\nSampletown' })).toEqual([])
    expect(faultsOf({ ...ORIGINAL_BODY, shippingAddress: 'a\u0000b', customerName: 'a\nb' })).toEqual([
      '/customerName must not contain control characters',
      '/shippingAddress must not contain control characters',
    ])
  })

  it('refuses half of a surrogate pair', () => {
    expect(faultsOf({ ...ORIGINAL_BODY, customerName: '\ud800' })[0]).toMatch(/well-formed Unicode/)
  })

  it('accepts a reference and metadata, whose entries have no order', () => {
    const metadata = { b: '', a: 'two\nlines', 'x.y_Z-9': '1', constructor: 'c', '7': 'seven' }
    const order = newOrderCommandSchema.parse({ ...ORIGINAL_BODY, reference: 'WEB-10482', metadata })
    expect(order).toMatchObject({ reference: 'WEB-10482', metadata })
    const reversed = Object.fromEntries(Object.entries(metadata).toReversed())
    const same = newOrderCommandSchema.parse({ ...ORIGINAL_BODY, metadata: reversed, reference: 'WEB-10482' })
    expect(newOrderJson(same)).toBe(newOrderJson(order))
  })

  it('without them has the JSON, and so the hash, that it had before they were added', () => {
    const hash = '44b180ab'
    expect(bodyHash(newOrderJson(newOrderCommandSchema.parse(ORIGINAL_BODY))).slice(0, 8)).toBe(hash)
  })

  const entries = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, '']))
  it.each([
    [{ reference: '' }, '/reference must not be empty'],
    [{ reference: ' ' }, '/reference must not be only spaces'],
    [{ reference: 'x'.repeat(101) }, '/reference must have at most 100 characters, has 101'],
    [{ reference: 7 }, '/reference must be a string'],
    [{ metadata: [] }, '/metadata must be an object'],
    [{ metadata: entries(21) }, '/metadata must have at most 20 entries'],
    [{ metadata: { 'a b': '' } }, '/metadata/a b must have a name of 1 to 40 letters, digits, "_", "." and "-"'],
    [{ metadata: { a: 1 } }, '/metadata/a must be a string'],
    [{ metadata: { a: 'x'.repeat(501) } }, '/metadata/a must have at most 500 characters, has 501'],
    [{ metadata: { a: '\u0000' } }, '/metadata/a must not contain control characters'],
    [
      { metadata: { ['x'.repeat(1000)]: '' } },
      `/metadata/${'x'.repeat(100)} must have a name of 1 to 40 letters, digits, "_", "." and "-"`,
    ],
  ])('refuses %j', (members, fault) => {
    expect(faultsOf({ ...ORIGINAL_BODY, ...members })).toEqual([fault])
  })

  it('accepts metadata up to its limits', () => {
    const largest = Object.fromEntries(Object.keys(entries(20)).map((name) => [name.padEnd(40, '_'), '😀'.repeat(500)]))
    expect(faultsOf({ ...ORIGINAL_BODY, metadata: largest, reference: '😀'.repeat(100) })).toEqual([])
  })

  const BLANK = ' \u00a0\u3000\ufeff'

  it('refuses names, addresses and codes that are only spaces, and keeps spaces around a name', () => {
    const body = {
      ...ORIGINAL_BODY,
      customerName: ' ',
      customerLastName: BLANK,
      shippingAddress: ' \n\t',
      billingAddress: BLANK,
      orderItems: [{ ...ITEM, itemCode: ' ', brand: BLANK, type: '  ', size: ' ', colour: ' ' }],
    }
    const refused = ['customerName', 'customerLastName', 'shippingAddress', 'billingAddress']
    const inItem = ['itemCode', 'brand', 'type'].map((name) => `orderItems/0/${name}`)
    expect(faultsOf(body)).toEqual([...refused, ...inItem].map((place) => `/${place} must not be only spaces`))
    expect(newOrderCommandSchema.parse({ ...ORIGINAL_BODY, customerName: ' Alex ' }).customerName).toBe(' Alex ')
  })

  it.each(['alex@example.com', 'a@b', '"a@b"@example.com', 'ålex@example.com', ''])(
    'takes the e-mail %j',
    (customerEmail) => {
      expect(faultsOf({ ...ORIGINAL_BODY, customerEmail })).toEqual([])
    },
  )

  it.each([
    ['alex', 'must be an address with an @, or empty'],
    ['@example.com', 'must be an address with an @, or empty'],
    ['alex@', 'must be an address with an @, or empty'],
    [' ', 'must be an address with an @, or empty'],
    ['a@b\n', 'must not contain control characters'],
    [`a@${'b'.repeat(99)}`, 'must have at most 100 characters, has 101'],
    [null, 'must be a string'],
  ])('refuses the e-mail %j', (customerEmail, detail) => {
    expect(faultsOf({ ...ORIGINAL_BODY, customerEmail })).toEqual([`/customerEmail ${detail}`])
  })

  it('is validated at once, however long its strings are', () => {
    // Each of these would take minutes with a pattern that tries every split of the string.
    for (const text of [' '.repeat(1_000_000), '@'.repeat(1_000_000), `${'a'.repeat(1_000_000)}\n`]) {
      expect(faultsOf({ ...ORIGINAL_BODY, customerName: text, customerEmail: text }).length).toBe(2)
    }
  })

  it('names missing members', () => {
    expect(
      faultsOf({ ...ORIGINAL_BODY, customerEmail: undefined, orderItems: [{ ...ITEM, price: undefined }] }),
    ).toEqual(['/customerEmail is required', '/orderItems/0/price is required'])
  })

  it('needs at least one item and accepts at most 500', () => {
    expect(faultsOf({ ...ORIGINAL_BODY, orderItems: [] })).toEqual(['/orderItems must have at least one item'])
    expect(faultsOf({ ...ORIGINAL_BODY, orderItems: Array.from({ length: 500 }, () => ITEM) })).toEqual([])
    expect(faultsOf({ ...ORIGINAL_BODY, orderItems: Array.from({ length: 501 }, () => ITEM) })).toEqual([
      '/orderItems must have at most 500 items',
    ])
  })

  it.each([
    ['customerId', 0, 'must be at least 1'],
    ['customerId', 2 ** 53, 'must be a whole number up to 9007199254740991'],
    ['customerId', '1', 'must be a whole number up to 9007199254740991'],
    ['currencyType', 4, 'must be one of 1 or "EUR", 2 or "USD", 3 or "GBP"'],
    ['customerName', '', 'must not be empty'],
    ['orderItems', {}, 'must be an array'],
  ])('refuses %s of %j', (field, value, detail) => {
    expect(faultsOf({ ...ORIGINAL_BODY, [field]: value })).toEqual([`/${field} ${detail}`])
  })

  it.each([null, 5, 'x', [], true])('refuses %j', (body) => {
    expect(faultsOf(body)).toEqual([' must be an object'])
  })
})
