import { z } from 'zod'
import { amountSchema } from './money.ts'
import { expected } from './violations.ts'

/**
 * NewOrder, the command: the fields of the original reference application. One schema validates, types, and generates
 * the OpenAPI and AsyncAPI documents.
 *
 * The domain's rules beyond the shape:
 * - `totalPrice` need not be the sum of the items: shipping, discounts and taxes are agreed elsewhere. Not enforced.
 * - Items may be priced in another currency than the order: each keeps its own. Not enforced.
 * - The same item code may come twice: two lines are two lines. Not enforced.
 * - An order has at least one item and at most 500; quantities are whole and positive. Enforced here.
 * Members that are not named here are ignored: all of ours are required, so a misspelt one is reported as missing.
 */

export const CURRENCIES = ['EUR', 'USD', 'GBP'] as const
export type Currency = (typeof CURRENCIES)[number]

export const PAYMENT_METHODS = ['PayPal', 'Invoice', 'OnlineBankTransfer', 'CreditCard', 'DirectDebit'] as const
export type PaymentMethod = (typeof PAYMENT_METHODS)[number]

export const MAX_ITEMS = 500
const MAX_QUANTITY = 2_147_483_647

/** Letters count as code points, as JSON Schema counts them; control characters and lone surrogates are refused. */
function text(min: number, max: number, lines: 'one line' | 'many lines' = 'one line') {
  const control = lines === 'one line' ? '\\u0000-\\u001f' : '\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f'
  const pattern = new RegExp(`^[^${control}\\u007f-\\u009f\\ud800-\\udfff]{${min},${max}}$`, 'u')
  return z
    .string({ error: expected('must be a string') })
    .regex(pattern, { error: ({ input }) => textFault(String(input), min, max) })
    .meta({ minLength: min, maxLength: max })
}

function textFault(value: string, min: number, max: number): string {
  if (!value.isWellFormed()) return 'must be well-formed Unicode: it holds half of a surrogate pair'
  const length = Array.from(value).length
  if (length < min) return 'must not be empty'
  if (length > max) return `must have at most ${max} characters, has ${length}`
  return 'must not contain control characters'
}

/** A number of the original's enumeration (from 1), or its name; the name is what comes out. */
function numberedName<const Names extends readonly [string, ...string[]]>(names: Names) {
  const known = `must be one of ${names.map((name, index) => `${index + 1} or "${name}"`).join(', ')}`
  return z
    .union([z.literal(names.map((_, index) => index + 1)), z.enum(names)], { error: expected(known) })
    .transform((value): Names[number] => (typeof value === 'number' ? (names[value - 1] ?? names[0]) : value))
}

const currencySchema = numberedName(CURRENCIES).meta({ description: '1 or EUR, 2 or USD, 3 or GBP.' })
const paymentMethodSchema = numberedName(PAYMENT_METHODS).meta({
  description: '1 or PayPal, 2 or Invoice, 3 or OnlineBankTransfer, 4 or CreditCard, 5 or DirectDebit.',
})

export const orderItemSchema = z.object(
  {
    itemCode: text(1, 100),
    brand: text(1, 100),
    type: text(1, 100),
    size: text(0, 50),
    colour: text(0, 50),
    quantity: z
      .int({ error: expected('must be a whole number') })
      .min(1, { error: 'must be at least 1' })
      .max(MAX_QUANTITY, { error: `must be at most ${MAX_QUANTITY}` }),
    price: amountSchema,
    currencyType: currencySchema,
  },
  { error: expected('must be an object') },
)

export const newOrderCommandSchema = z.object(
  {
    customerId: z
      .int({ error: expected('must be a whole number up to 9007199254740991') })
      .min(1, { error: 'must be at least 1' }),
    customerName: text(1, 100),
    customerLastName: text(1, 100),
    customerEmail: text(0, 100),
    shippingAddress: text(1, 200, 'many lines'),
    billingAddress: text(1, 200, 'many lines'),
    currencyType: currencySchema,
    totalPrice: amountSchema,
    paymentMethodType: paymentMethodSchema,
    orderItems: z
      .array(orderItemSchema, { error: expected('must be an array') })
      .min(1, { error: 'must have at least one item' })
      .max(MAX_ITEMS, { error: `must have at most ${MAX_ITEMS} items` }),
  },
  { error: expected('must be an object') },
)

/** The command as it comes out of validation: names instead of numbers. */
export type NewOrderCommand = z.output<typeof newOrderCommandSchema>
export type OrderItem = z.output<typeof orderItemSchema>
