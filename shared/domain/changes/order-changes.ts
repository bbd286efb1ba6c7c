import { z } from 'zod'
import { loggedOrderSchema, strictOrderSchema } from '../order-commands.ts'
import { filledText } from '../validation/text.ts'
import { expected } from '../violations.ts'

/**
 * The commands that change a placed order. Unlike a new order, a change with an unknown member is refused: every member
 * is optional, so a misspelt one would otherwise be lost silently.
 */

export const CHANGE_KINDS = ['amend', 'cancel'] as const
export type ChangeKind = (typeof CHANGE_KINDS)[number]

/** The members that an amendment may replace. An order's customer and currency never change. */
const AMENDABLE = {
  customerName: true,
  customerLastName: true,
  customerEmail: true,
  shippingAddress: true,
  billingAddress: true,
  totalPrice: true,
  paymentMethodType: true,
  orderItems: true,
} as const

const MAX_REASON_LENGTH = 200

const reasonSchema = filledText(MAX_REASON_LENGTH).meta({ description: 'Why the order is cancelled, in words.' })

/** Makes each member optional. */
function eachOptional<Shape extends Readonly<Record<string, z.ZodType>>>(shape: Shape) {
  const optional = Object.entries(shape).map(([name, schema]) => [name, z.exactOptional(schema)])
  return Object.fromEntries(optional) as { [Name in keyof Shape]: z.ZodExactOptional<Shape[Name]> }
}

function hasMembers(amendment: object): boolean {
  return Object.keys(amendment).length > 0
}

/**
 * A JSON merge patch (RFC 7396) for an order: each member replaces the order's member, and `orderItems` is replaced as
 * a whole. No member can be removed with `null`, because an order needs all of them.
 */
export const amendmentSchema = z
  .strictObject(eachOptional(strictOrderSchema.pick(AMENDABLE).shape), { error: expected('must be an object') })
  .refine(hasMembers, { error: 'must have at least one member' })
  .meta({ minProperties: 1 }) // for the API documents, which cannot express a `refine`

export const cancellationSchema = z.strictObject(
  { reason: z.exactOptional(reasonSchema) },
  { error: expected('must be an object') },
)

/** For log records, like `loggedOrderSchema`. */
export const loggedAmendmentSchema = z.object(eachOptional(loggedOrderSchema.pick(AMENDABLE).shape)).refine(hasMembers)

export type Amendment = z.output<typeof amendmentSchema>

/** An expected version that no order ever has, because versions begin at 1. */
export const NO_VERSION = 0

/**
 * The change that a caller wants, and the version that the order must have, if the caller specified one. `forgotten` is
 * set once the order's customer has been forgotten.
 */
export type OrderChange = (
  | { readonly kind: 'amend'; readonly amendment: Amendment }
  | { readonly kind: 'cancel'; readonly reason?: string }
) & { readonly expectedVersion?: number; readonly forgotten?: true }
