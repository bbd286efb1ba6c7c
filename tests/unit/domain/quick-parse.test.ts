import * as fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import {
  loggedOrder,
  loggedOrderSchema,
  newOrderCommand,
  newOrderCommandSchema,
} from '../../../shared/domain/order-commands.ts'
import { quickParse } from '../../../shared/domain/validation/quick-parse.ts'
import { violationsOf } from '../../../shared/domain/violations.ts'
import { ORIGINAL_BODY } from '../../support/orders/orders.ts'

const ITEM = { ...ORIGINAL_BODY.orderItems[0] }
const FULL = { ...ORIGINAL_BODY, reference: 'A-1', metadata: { b: '2', a: '1' }, orderItems: [ITEM, ITEM] }

/** The whole outcome: the violations, or the data as JSON, so that the sequence of the members matters too. */
function outcomeOf<T>({ success, data, error }: z.ZodSafeParseResult<T>): unknown {
  return success ? JSON.stringify(data) : violationsOf(error)
}

/** The order with one of its members, or a member of an item, removed or replaced by an arbitrary value. */
const changed = fc
  .record({
    at: fc.constantFrom(...Object.keys(FULL), 'note', '__proto__'),
    ofItem: fc.option(fc.constantFrom(...Object.keys(ITEM), 'note'), { nil: undefined }),
    value: fc.oneof(
      fc.constantFrom(
        undefined,
        null,
        0,
        -0,
        1,
        6,
        1.5,
        0.00001,
        1e16,
        Number.NaN,
        true,
        '',
        ' ',
        'EUR',
        'PayPal',
        'a@b',
      ),
      fc.constantFrom([], [ITEM], [null], {}, { a: '1' }, { 'a b': '1' }, 'a\u0000', 'a\nb', '\ud800', 'x'.repeat(101)),
      fc.jsonValue(),
    ),
  })
  .map(({ at, ofItem, value }) => {
    const replaced = (object: object, name: string) =>
      Object.fromEntries(
        Object.entries({ ...object, [name]: value }).filter(([key]) => key !== name || value !== undefined),
      )
    return ofItem === undefined ? replaced(FULL, at) : { ...FULL, orderItems: [ITEM, replaced(ITEM, ofItem)] }
  })

describe('parsing an order quickly', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it.each([
    ['for requests', newOrderCommand, newOrderCommandSchema],
    ['for log records', loggedOrder, loggedOrderSchema],
  ])('has the same outcome as the schema %s, whatever is wrong', (_, quick, schema) => {
    fc.assert(
      fc.property(fc.oneof({ weight: 9, arbitrary: changed }, fc.jsonValue()), (value) => {
        expect(outcomeOf(quick.safeParse(value))).toEqual(outcomeOf(schema.safeParse(value)))
      }),
      { numRuns: 2000 },
    )
  })

  it('does not ask zod for a valid order', () => {
    const spies = [newOrderCommandSchema, loggedOrderSchema].map((schema) => vi.spyOn(schema, 'safeParse'))
    const order = newOrderCommand.safeParse({ ...ORIGINAL_BODY, reference: 'A-1' })
    expect(order.success).toBe(true)
    expect(loggedOrder.safeParse(order.data).data).toEqual(order.data)
    for (const spy of spies) expect(spy).not.toHaveBeenCalled()
  })

  it.each([
    ['a string with a minimum length', z.string().min(2), 'ab', 'a'],
    ['a format', z.uuid(), '019e2b6c-40c8-7a91-9f3e-5d0c1b7a44e2', 'a'],
    ['a transformed string', z.string().trim().toUpperCase(), ' a ', 1],
    ['a whole number', z.int(), 1, 1.5],
    ['a number', z.number(), 1.5, Number.POSITIVE_INFINITY],
    ['an enumeration', z.enum(['a', 'b']), 'b', 'c'],
    ['a list', z.array(z.int()).min(1), [1], []],
    ['an object with a rule', z.object({ a: z.int() }).refine(({ a }) => a > 0), { a: 1 }, { a: 0 }],
    ['a strict object', z.strictObject({ a: z.int() }), { a: 1 }, { a: 1, b: 1 }],
    ['a member that may be undefined', z.object({ a: z.int().optional() }), { a: undefined }, { a: null }],
    ['a default', z.object({ a: z.int().default(1) }), {}, { a: null }],
    ['a null', z.object({ a: z.int().nullable() }), { a: null }, {}],
    [
      'a member that may be left out, with a rule',
      z.object({ a: z.exactOptional(z.string()).refine((a) => a !== 'b') }),
      { a: 'a' },
      { a: 'b' },
    ],
    ['a string with a rule', z.string().refine((text) => text !== 'b'), 'a', 'b'],
  ] as [string, z.ZodType, unknown, unknown][])('parses %s as zod does', (_, schema, valid, invalid) => {
    const quick = quickParse(schema)
    // Each value is parsed twice, because a fault must not affect the next value.
    for (const value of [valid, invalid, valid, invalid]) {
      expect(outcomeOf(quick.safeParse(value))).toEqual(outcomeOf(schema.safeParse(value)))
    }
    expect(quick.safeParse(valid).success).toBe(true)
    expect(quick.safeParse(invalid).success).toBe(false)
  })
})
