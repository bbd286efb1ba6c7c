import { newOrderCommandSchema, orderItemSchema } from './order-commands.ts'
import { escapePointer } from './violations.ts'

/** Keeps the answer bounded; more names would add nothing. */
export const MAX_NAMED = 20

const ORDER_MEMBERS: ReadonlySet<string> = new Set(Object.keys(newOrderCommandSchema.shape))
const ITEM_MEMBERS: ReadonlySet<string> = new Set(Object.keys(orderItemSchema.shape))

/**
 * RFC 6901 pointers to unknown members of a valid order's body, which validation left out: at most 20. Names are cut at
 * 100 characters.
 */
export function unknownMembers(body: unknown): string[] {
  const found: string[] = []
  const { orderItems, metadata } = body as { readonly orderItems: readonly object[]; readonly metadata?: object }
  // The one name that validation skips in a map, because assigning to it would change the object's prototype.
  if (metadata !== undefined && Object.hasOwn(metadata, '__proto__')) found.push('/metadata/__proto__')
  collect(found, body as object, ORDER_MEMBERS, '')
  for (let index = 0; index < orderItems.length && found.length < MAX_NAMED; index += 1) {
    const item = orderItems[index]
    if (item !== undefined) collect(found, item, ITEM_MEMBERS, `/orderItems/${index}`)
  }
  return found
}

function collect(found: string[], value: object, known: ReadonlySet<string>, at: string): void {
  for (const name of Object.keys(value)) {
    if (known.has(name)) continue
    if (found.length === MAX_NAMED) return
    found.push(`${at}/${escapePointer(name)}`)
  }
}
