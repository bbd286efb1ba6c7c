import { newOrderCommandSchema, orderItemSchema } from './order-commands.ts'
import { escapePointer } from './violations.ts'

/** Limits the size of the response; more names would not help the caller. */
export const MAX_NAMED = 20

export const ORDER_MEMBERS: ReadonlySet<string> = new Set(Object.keys(newOrderCommandSchema.shape))
export const ITEM_MEMBERS: ReadonlySet<string> = new Set(Object.keys(orderItemSchema.shape))

/**
 * At most 20 RFC 6901 pointers to the unknown members of a valid order's body, which validation has left out. Names are
 * truncated to 100 characters.
 */
export function unknownMembers(body: unknown): string[] {
  const { metadata } = body as { readonly metadata?: object }
  // Zod skips this one name in a record, because assigning to it would change the object's prototype.
  const found = metadata !== undefined && Object.hasOwn(metadata, '__proto__') ? ['/metadata/__proto__'] : []
  return collectAll(found, body, ORDER_MEMBERS)
}

/**
 * Like `unknownMembers`, but takes any body, valid or not, and any set of known members. If `orderItems` is one of
 * them, the items are checked as well.
 */
export function unknownMembersOf(body: unknown, known: ReadonlySet<string>): string[] {
  return collectAll([], body, known)
}

function collectAll(found: string[], body: unknown, known: ReadonlySet<string>): string[] {
  if (!isObject(body)) return found
  collect(found, body, known, '')
  const items: unknown = Reflect.get(body, 'orderItems')
  if (!known.has('orderItems') || !Array.isArray(items)) return found
  for (let index = 0; index < items.length && found.length < MAX_NAMED; index += 1) {
    const item: unknown = items[index]
    if (isObject(item)) collect(found, item, ITEM_MEMBERS, `/orderItems/${index}`)
  }
  return found
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function collect(found: string[], value: object, known: ReadonlySet<string>, at: string): void {
  for (const name of Object.keys(value)) {
    if (known.has(name)) continue
    if (found.length === MAX_NAMED) return
    found.push(`${at}/${escapePointer(name)}`)
  }
}
