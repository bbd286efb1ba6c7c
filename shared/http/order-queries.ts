import { z } from 'zod'
import { CURRENCIES, PAYMENT_METHODS } from '../domain/order-commands.ts'
import { ORDER_STATUSES } from '../domain/order-view.ts'
import { cursor, from, limit, searchText, to, wholeNumber } from './query.ts'

function name<const Names extends readonly [string, ...string[]]>(names: Names, description: string) {
  return z.enum(names, { error: `must be one of ${names.join(', ')}` }).meta({ description })
}

/** The parameters of GET /api/orders. */
export const listQuery = z.object({
  limit,
  cursor: z.exactOptional(cursor),
  customerId: z.exactOptional(
    wholeNumber(1, Number.MAX_SAFE_INTEGER).meta({ description: 'Orders of this customer.' }),
  ),
  status: z.exactOptional(name(ORDER_STATUSES, 'Orders that stand there. Without it, the stored ones.')),
  currency: z.exactOptional(name(CURRENCIES, 'Orders whose total is in this currency.')),
  paymentMethod: z.exactOptional(name(PAYMENT_METHODS, 'Orders that are paid in this way.')),
  from: z.exactOptional(from),
  to: z.exactOptional(to),
  q: z.exactOptional(searchText),
})

/** The parameters of GET /api/orders/search. */
export const searchQuery = z.object({ q: searchText, limit, cursor: z.exactOptional(cursor) })

/** The parameters of the original application's search, whose text is in the path. */
export const customerSearchQuery = searchQuery.omit({ q: true })
