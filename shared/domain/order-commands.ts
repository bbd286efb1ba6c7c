import { z } from 'zod'
import { amountSchema } from './validation/amount.ts'
import { CURRENCIES, PAYMENT_METHODS } from './order-choices.ts'
import { metadataSchema } from './metadata.ts'
import { emailAddress, filledText, text } from './validation/text.ts'
import { quickParse } from './validation/quick-parse.ts'
import { expected } from './violations.ts'

/**
 * The NewOrder command, with the fields of the original reference application. One schema validates commands, provides
 * their types, and generates the OpenAPI and AsyncAPI documents.
 *
 * The domain rules beyond types and lengths:
 * - Allowed: a `totalPrice` that is not the sum of the items, because shipping, discounts and taxes are agreed
 *   elsewhere.
 * - Allowed: an item whose currency differs from the order's, because each item keeps its own.
 * - Allowed: the same item code twice, as two separate lines.
 * - Enforced here: an order has 1 to 500 items, and quantities are positive integers.
 * - Enforced for requests only, because the log may hold older orders: names, addresses, item codes, brands and types
 *   must not consist of spaces only.
 * - Enforced for requests only: an e-mail address contains an @ or is empty. The field is required, but not every
 *   customer has an address.
 *
 * Unknown members are left out and listed in the response (unknown-members.ts).
 */

export const MAX_ITEMS = 500
const MAX_QUANTITY = 2_147_483_647

/** Accepts a name, or its number in the original application's enumeration (from 1), and returns the name. */
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

/** The caller's own name for the order. The reference need not be unique, unlike an Idempotency-Key. */
export const referenceSchema = filledText(100).meta({
  description:
    "The caller's own name for the order, such as its number in a shop. Lists can be filtered by it, and search finds it. It need not be unique: an Idempotency-Key makes sure that an order is stored once.",
})

interface Texts {
  /** At least one character and at most `max`. */
  readonly filled: (max: number, lines?: 'many lines') => z.ZodString
  readonly email: z.ZodString
}

function itemSchema({ filled }: Texts) {
  return z.object(
    {
      itemCode: filled(100),
      brand: filled(100),
      type: filled(100),
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
}

function orderSchema<Item extends z.ZodObject>({ filled, email }: Texts, item: Item) {
  return z.object(
    {
      customerId: z
        .int({ error: expected('must be a whole number up to 9007199254740991') })
        .min(1, { error: 'must be at least 1' }),
      customerName: filled(100),
      customerLastName: filled(100),
      customerEmail: email,
      shippingAddress: filled(200, 'many lines'),
      billingAddress: filled(200, 'many lines'),
      currencyType: currencySchema,
      totalPrice: amountSchema,
      paymentMethodType: paymentMethodSchema,
      orderItems: z
        .array(item, { error: expected('must be an array') })
        .min(1, { error: 'must have at least one item' })
        .max(MAX_ITEMS, { error: `must have at most ${MAX_ITEMS} items` }),
      // These members are optional and come last, so that an order without them has the same JSON and hash as before
      // they existed.
      reference: z.exactOptional(referenceSchema),
      metadata: z.exactOptional(metadataSchema),
    },
    { error: expected('must be an object') },
  )
}

const SENT: Texts = { filled: filledText, email: emailAddress(100) }
/** Omits the rules that were added after the first orders were logged, because any accepted order must be storable. */
const LOGGED: Texts = { filled: (max, lines) => text(1, max, lines), email: text(0, 100) }

/** For requests. */
export const orderItemSchema = itemSchema(SENT)
export const newOrderCommandSchema = orderSchema(SENT, orderItemSchema)
export const newOrderCommand = quickParse(newOrderCommandSchema)
/** For requests in which unknown members are refused, both in the order and in its items. */
export const strictOrderSchema = orderSchema(SENT, orderItemSchema.strict())

/** For log records. */
export const loggedItemSchema = itemSchema(LOGGED)
export const loggedOrderSchema = orderSchema(LOGGED, loggedItemSchema)
export const loggedOrder = quickParse(loggedOrderSchema)

/**
 * The validated command, with names instead of the codes for currency and payment method. `forgotten` is set once the
 * customer has been forgotten (forgotten-data.ts). No caller can send this member.
 */
export type NewOrderCommand = z.output<typeof newOrderCommandSchema> & { readonly forgotten?: true }
export type OrderItem = z.output<typeof orderItemSchema>
