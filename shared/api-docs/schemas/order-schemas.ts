import { z } from 'zod'
import { newOrderCommandSchema, orderItemSchema } from '../../domain/order-commands.ts'
import { CURRENCIES, PAYMENT_METHODS } from '../../domain/order-choices.ts'
import type { Violation } from '../../domain/errors.ts'
import {
  HISTORY_KINDS,
  ORDER_STATUSES,
  type Cause,
  type HistoryEntry,
  type OrderItemView,
  type OrderView,
} from '../../domain/order-view.ts'
import { MAX_NAMED } from '../../domain/unknown-members.ts'
import type { Ignored } from '../../http/place-order.ts'
import { instant, pageOf, schemaOf } from './schema-of.ts'

/** Schemas for orders and problems. */

export const orderId = z.string().meta({
  format: 'uuid',
  description: 'A version 7 UUID, or version 8 if the order was placed with an Idempotency-Key.',
})
export const changeId = z.string().meta({
  format: 'uuid',
  description: 'A version 7 UUID, or version 8 if the change was sent with an Idempotency-Key.',
})
/** An order's version, which fits easily in 32 bits. */
export const version = z
  .int()
  .min(1)
  .max(2 ** 31 - 1)
const currencySchema = z.enum(CURRENCIES).describe('ISO 4217.')
const paymentMethodSchema = z.enum(PAYMENT_METHODS)
export const orderStatusSchema = z.enum(ORDER_STATUSES)
const amount = z.number().min(0).describe('At most 4 decimal places, preserved exactly.')
export const causeSchema = schemaOf<Cause>()({
  code: z.string().describe('A code from docs/errors.md.'),
  detail: z.string(),
})

export const attempt = z.int().min(1).describe('The number of deliveries that have failed so far.')

export const orderItemViewSchema = schemaOf<OrderItemView>()({
  itemCode: z.string(),
  brand: z.string(),
  type: z.string(),
  size: z.string(),
  colour: z.string(),
  quantity: z.int().min(1),
  price: amount,
  currencyType: currencySchema,
  longDescription: z.string().describe('Brand, type, size and colour. Full-text search uses it.'),
})

export const orderViewSchema = schemaOf<OrderView>()({
  orderId,
  status: orderStatusSchema,
  acceptedAt: z.exactOptional(instant),
  storedAt: z.exactOptional(instant),
  version: z.exactOptional(
    version.describe('The number of times that the order was stored or changed: 1 if it was never changed.'),
  ),
  cancelledAt: z.exactOptional(instant),
  cancellationReason: z.exactOptional(z.string().describe("The caller's reason.")),
  recovered: z.exactOptional(z.boolean().describe("Stored only after an operator's redrive.")),
  attempt: z.exactOptional(attempt),
  maxAttempts: z.exactOptional(z.int().min(1)),
  nextAttemptAt: z.exactOptional(instant),
  cause: z.exactOptional(causeSchema),
  updatedAt: z.exactOptional(instant),
  customerId: z.exactOptional(z.int().min(1)),
  customerName: z.exactOptional(z.string()),
  customerLastName: z.exactOptional(z.string()),
  customerFullName: z.exactOptional(z.string()),
  customerEmail: z.exactOptional(z.string()),
  shippingAddress: z.exactOptional(z.string()),
  billingAddress: z.exactOptional(z.string()),
  currencyType: z.exactOptional(currencySchema),
  totalPrice: z.exactOptional(amount),
  paymentMethodType: z.exactOptional(paymentMethodSchema),
  orderItems: z.exactOptional(z.array(orderItemViewSchema)),
  reference: z.exactOptional(z.string().describe("The caller's own name for the order.")),
  metadata: z.exactOptional(z.record(z.string(), z.string()).describe("The caller's own data, kept with the order.")),
  forgotten: z.exactOptional(
    z
      .boolean()
      .describe(
        'True if the customer was forgotten. Names, e-mail address, addresses, `reference`, `metadata` and `cancellationReason` are then absent.',
      ),
  ),
}).describe(
  'The status of an order, and its content once that is known. A stored or cancelled order has all of its content, unless its customer was forgotten.',
)

/** A member of the response to requests whose body is an order. */
export const ignored = z.exactOptional(
  z
    .array(z.string())
    .min(1)
    .max(MAX_NAMED)
    .describe(
      'RFC 6901 pointers to unknown members of the body that were left out, such as `/externalOrderId`. At most 20, with names cut at 100 characters; absent when there are none.',
    ),
)

const historyEntrySchema = schemaOf<HistoryEntry>()({
  at: instant,
  kind: z
    .enum(HISTORY_KINDS)
    .describe(
      '`entries-removed`: entries before `at` were removed because of their age, except those for acceptance and storing.',
    ),
  attempt: z.exactOptional(attempt),
  nextAttemptAt: z.exactOptional(instant),
  cause: z.exactOptional(causeSchema),
  reason: z.exactOptional(
    z.string().describe("An operator's reason; with `entries-removed`, a sentence that explains the removal."),
  ),
  changeId: z.exactOptional(
    changeId.describe('The change that the entry is about; absent if the entry is about the order itself.'),
  ),
  version: z.exactOptional(version.describe('The version of the order that the change produced.')),
})

const violationSchema = schemaOf<Violation>()({
  pointer: z.string().describe('An RFC 6901 JSON pointer into the body, or the name of a parameter or header.'),
  detail: z.string(),
})

export const ORDER_SCHEMAS = {
  OrderCommand: newOrderCommandSchema,
  OrderCommandItem: orderItemSchema,
  Order: orderViewSchema,
  PlacedOrder: schemaOf<OrderView & Ignored>()({ ...orderViewSchema.shape, ignored }).describe(
    'The order, and the members of the body that were left out.',
  ),
  OrderItem: orderItemViewSchema,
  OrderPage: pageOf(orderViewSchema),
  OrderHistory: z.object({
    orderId,
    items: z.array(historyEntrySchema),
    nextCursor: z.string().nullable().describe('Always null: a history is one page.'),
  }),
  HistoryEntry: historyEntrySchema,
  OrderStatus: orderStatusSchema,
  Currency: currencySchema,
  PaymentMethod: paymentMethodSchema,
  Cause: causeSchema,
  Problem: z
    .object({
      type: z
        .string()
        .meta({ format: 'uri-reference', description: 'Stable; links to an explanation of the problem.' }),
      title: z.string(),
      status: z.int().min(400).max(599),
      detail: z.string(),
      instance: z.exactOptional(z.string().describe('The requested path.')),
      requestId: z.exactOptional(
        z.string().describe('The id of the request in the product’s log lines, as in `X-Request-Id`.'),
      ),
      changeId: z.exactOptional(changeId.describe('The change that was accepted and then rejected.')),
      errors: z.exactOptional(z.array(violationSchema)),
    })
    .describe('Problem details (RFC 9457).'),
  Violation: violationSchema,
} as const
