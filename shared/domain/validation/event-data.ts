import { z } from 'zod'
import { loggedAmendmentSchema, type ChangeKind, type OrderChange } from '../changes/order-changes.ts'
import { OrderError } from '../errors.ts'
import { metadataSchema } from '../metadata.ts'
import { loggedOrder, referenceSchema, type NewOrderCommand } from '../order-commands.ts'
import { NEW_ORDER_TYPE } from '../order-events.ts'
import { violationsOf } from '../violations.ts'
import { text } from './text.ts'

const MAX_LOGGED_REASON = 200
/** The maximum length of an unknown type in an error message. */
const MAX_TYPE_LENGTH = 100

/**
 * Upcasters from every version that was ever written: each entry converts its own version's JSON to the next version.
 * To change the event, give the new version a name, and make the old version's entry convert to it. An optional member
 * needs no new version, because readers ignore unknown members.
 */
const UPCASTERS: ReadonlyMap<string, (data: unknown) => unknown> = new Map([[NEW_ORDER_TYPE, upcastV1]])

/**
 * Members that were added to version 1 later. Before that, readers ignored anything that other producers sent under
 * these names. So a value that does not match the member's schema is ignored even now.
 */
const LATER_MEMBERS = { reference: referenceSchema, metadata: metadataSchema } as const

function upcastV1(data: unknown): unknown {
  if (typeof data !== 'object' || data === null) return data
  const strange = Object.entries(LATER_MEMBERS)
    .filter(([name, schema]) => Object.hasOwn(data, name) && !schema.safeParse(Reflect.get(data, name)).success)
    .map(([name]) => name)
  return strange.length === 0
    ? data
    : Object.fromEntries(Object.entries(data).filter(([name]) => !strange.includes(name)))
}

/**
 * The validated data of a NewOrder event of any known version. Throws `unknown-event` for a type or version that this
 * program does not know, and `invalid-order` for data that is not an order. After either error the record is poison,
 * because no retry can make it readable.
 */
export function readNewOrderData(type: string, json: unknown): NewOrderCommand {
  const upcast = UPCASTERS.get(type)
  if (upcast === undefined) {
    const [given, known] = [JSON.stringify(type.slice(0, MAX_TYPE_LENGTH)), [...UPCASTERS.keys()].join(', ')]
    throw new OrderError('unknown-event', `No event of type ${given} is known. Expected: ${known}.`)
  }
  const parsed = loggedOrder.safeParse(upcast(json))
  if (parsed.success) return parsed.data
  throw invalid('invalid-order', 'Not a valid order', parsed.error)
}

function invalid(code: 'invalid-order' | 'invalid-change', what: string, error: z.ZodError): OrderError {
  const violations = violationsOf(error)
  const [first] = violations
  return new OrderError(code, `${what}: ${first?.pointer ?? ''} ${first?.detail ?? ''}`.trimEnd(), { violations })
}

const expectedVersionSchema = z.exactOptional(z.int().min(1))
export const amendedSchema = z.object({ changes: loggedAmendmentSchema, expectedVersion: expectedVersionSchema })
export const cancelledSchema = z.object({
  reason: z.exactOptional(text(1, MAX_LOGGED_REASON)),
  expectedVersion: expectedVersionSchema,
})

/** The validated data of a change event. Throws `invalid-change` for invalid data. The record is then poison. */
export function readChangeData(kind: ChangeKind, json: unknown): OrderChange {
  const parsed = kind === 'amend' ? amendedSchema.safeParse(json) : cancelledSchema.safeParse(json)
  if (!parsed.success) throw invalid('invalid-change', 'Not a valid change', parsed.error)
  if ('changes' in parsed.data) {
    const { changes, ...others } = parsed.data
    return { kind: 'amend', amendment: changes, ...others }
  }
  return { kind: 'cancel', ...parsed.data }
}
