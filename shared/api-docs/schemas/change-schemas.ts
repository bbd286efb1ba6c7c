import { z } from 'zod'
import { CHANGE_STATUSES, type ChangeView, type Predecessor } from '../../domain/changes/change-view.ts'
import {
  amendmentSchema,
  cancellationSchema,
  CHANGE_KINDS,
  type Amendment,
} from '../../domain/changes/order-changes.ts'
import { ORDER_STATUSES } from '../../domain/order-view.ts'
import { causeSchema, changeId, orderId, orderItemViewSchema, orderViewSchema, version } from './order-schemas.ts'
import { instant, pageOf, schemaOf } from './schema-of.ts'

/** Schemas for order changes: the bodies that callers send, and the changes as queries return them. */

const amendedItemSchema = orderItemViewSchema.omit({ longDescription: true })
const {
  customerName,
  customerLastName,
  customerEmail,
  shippingAddress,
  billingAddress,
  totalPrice,
  paymentMethodType,
} = orderViewSchema.shape

/** An amendment as interpreted, with names where the caller may have sent numbers. */
const amendedSchema = schemaOf<Amendment>()({
  customerName,
  customerLastName,
  customerEmail,
  shippingAddress,
  billingAddress,
  totalPrice,
  paymentMethodType,
  orderItems: z.exactOptional(z.array(amendedItemSchema)),
})

/** One object with a `kind`, because many generators cannot handle a union of objects. */
const predecessorSchema = z.object({
  kind: z.enum(['order', 'change']),
  orderId: z.exactOptional(orderId.describe('The order, if it is not stored yet.')),
  changeId: z.exactOptional(changeId.describe('The earlier change to the order.')),
  status: z
    .enum([...new Set([...ORDER_STATUSES, ...CHANGE_STATUSES])])
    .describe('The current status of that order or change.'),
}) as z.ZodType as z.ZodType<Predecessor>

const changeSchema = schemaOf<ChangeView>()({
  orderId,
  changeId,
  kind: z.exactOptional(z.enum(CHANGE_KINDS).describe('Absent while the change is only in the log.')),
  status: z
    .enum(CHANGE_STATUSES)
    .describe(
      '`accepted`: durable in the log. `waiting`: an earlier event of the order has to be decided first, or the change itself is being retried. `applied` and `rejected` are final.',
    ),
  acceptedAt: z.exactOptional(instant),
  updatedAt: z.exactOptional(instant.describe('When the status last changed.')),
  expectedVersion: z.exactOptional(version.describe('The version that `If-Match` asked for.')),
  version: z.exactOptional(version.describe('The version of the order that the change produced.')),
  cause: z.exactOptional(
    causeSchema.describe('Why it was rejected, dead-lettered, discarded or lost, or why its last attempt failed.'),
  ),
  nextAttemptAt: z.exactOptional(instant.describe('Present while the change itself is being retried.')),
  behind: z.exactOptional(
    predecessorSchema.describe(
      'The order or the earlier change that has to be decided first. Present while the change waits for that decision.',
    ),
  ),
  changes: z.exactOptional(amendedSchema.describe('The members that an amendment replaces.')),
  reason: z.exactOptional(z.string().describe("The caller's reason for a cancellation.")),
  forgotten: z.exactOptional(
    z.boolean().describe("True if the order's customer was forgotten. Personal members and `reason` are then absent."),
  ),
}).describe('A change to an order. Members other than the ids and `status` are present if they are known and apply.')

export const CHANGE_SCHEMAS = {
  Amendment: amendmentSchema,
  Cancellation: cancellationSchema,
  OrderChange: changeSchema,
  OrderChangePage: pageOf(changeSchema),
  AmendedMembers: amendedSchema,
  AmendedItem: amendedItemSchema,
  Predecessor: predecessorSchema,
} as const
