import { z } from 'zod'
import { CURRENCIES, newOrderCommandSchema, orderItemSchema, PAYMENT_METHODS } from '../../domain/order-commands.ts'
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

/** What answers about orders look like. */

export const orderId = z
  .string()
  .meta({ format: 'uuid', description: 'A UUID of version 7, or 8 with an Idempotency-Key.' })
const currencySchema = z.enum(CURRENCIES).meta({ description: 'ISO 4217.' })
const paymentMethodSchema = z.enum(PAYMENT_METHODS)
const orderStatusSchema = z.enum(ORDER_STATUSES)
const amount = z.number().min(0).meta({ description: 'At most 4 decimals, carried exactly.' })
export const causeSchema = schemaOf<Cause>()({
  code: z.string().meta({ description: 'One of the codes in docs/errors.md.' }),
  detail: z.string(),
})

const attempt = z.int().min(1).meta({ description: 'Deliveries that failed so far; the first is 1.' })

const orderItemViewSchema = schemaOf<OrderItemView>()({
  itemCode: z.string(),
  brand: z.string(),
  type: z.string(),
  size: z.string(),
  colour: z.string(),
  quantity: z.int().min(1),
  price: amount,
  currencyType: currencySchema,
  longDescription: z.string().meta({ description: 'Brand, type, size and colour: what full-text search looks at.' }),
})

const orderViewSchema = schemaOf<OrderView>()({
  orderId,
  status: orderStatusSchema,
  acceptedAt: z.exactOptional(instant),
  storedAt: z.exactOptional(instant),
  recovered: z.exactOptional(z.boolean().meta({ description: "Stored only after an operator's redrive." })),
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
  reference: z.exactOptional(z.string().meta({ description: "The caller's own name of the order." })),
  metadata: z.exactOptional(
    z.record(z.string(), z.string()).meta({ description: 'What the caller keeps with the order.' }),
  ),
}).meta({ description: 'Where an order stands, and its content once that is known. A stored order has all of it.' })

/** Of an answer to a request whose body was an order. */
export const ignored = z.exactOptional(
  z.array(z.string()).min(1).max(MAX_NAMED).meta({
    description:
      'RFC 6901 pointers to members of the body that an order does not have, such as `/externalOrderId`: they were left out. At most 20, with names cut at 100 characters; absent when there are none.',
  }),
)

const historyEntrySchema = schemaOf<HistoryEntry>()({
  at: instant,
  kind: z.enum(HISTORY_KINDS),
  attempt: z.exactOptional(attempt),
  nextAttemptAt: z.exactOptional(instant),
  cause: z.exactOptional(causeSchema),
  reason: z.exactOptional(z.string().meta({ description: "An operator's reason." })),
})

const violationSchema = schemaOf<Violation>()({
  pointer: z
    .string()
    .meta({ description: 'An RFC 6901 JSON pointer into the body, or the name of a parameter or header.' }),
  detail: z.string(),
})

export const ORDER_SCHEMAS = {
  OrderCommand: newOrderCommandSchema,
  OrderCommandItem: orderItemSchema,
  Order: orderViewSchema,
  PlacedOrder: schemaOf<OrderView & Ignored>()({ ...orderViewSchema.shape, ignored }).meta({
    description: 'The order as it stands, and which members of the body were left out.',
  }),
  OrderItem: orderItemViewSchema,
  OrderPage: pageOf(orderViewSchema),
  OrderHistory: z.object({
    orderId,
    items: z.array(historyEntrySchema),
    nextCursor: z.string().nullable().meta({ description: 'Always null: a history is one page.' }),
  }),
  HistoryEntry: historyEntrySchema,
  OrderStatus: orderStatusSchema,
  Currency: currencySchema,
  PaymentMethod: paymentMethodSchema,
  Cause: causeSchema,
  Problem: z
    .object({
      type: z.string().meta({ format: 'uri-reference', description: 'Stable; leads to its explanation.' }),
      title: z.string(),
      status: z.int().min(400).max(599),
      detail: z.string(),
      instance: z.exactOptional(z.string().meta({ description: 'The path that was asked for.' })),
      requestId: z.exactOptional(
        z.string().meta({ description: 'The request in the log, as `X-Request-Id` names it.' }),
      ),
      errors: z.exactOptional(z.array(violationSchema)),
    })
    .meta({ description: 'Problem details (RFC 9457).' }),
  Violation: violationSchema,
} as const
