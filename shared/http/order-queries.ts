import { z } from 'zod'
import { CURRENCIES, PAYMENT_METHODS } from '../domain/order-commands.ts'
import { ORDER_STATUSES } from '../domain/order-view.ts'
import { cursor, instant, limit, searchText, wholeNumber } from './query.ts'

function name<const Names extends readonly [string, ...string[]]>(names: Names) {
  return z.enum(names, { error: `must be one of ${names.join(', ')}` })
}

/** The parameters of GET /api/orders. */
export const listQuery = z.object({
  limit,
  cursor: z.exactOptional(cursor),
  customerId: z.exactOptional(wholeNumber(1, Number.MAX_SAFE_INTEGER)),
  status: z.exactOptional(name(ORDER_STATUSES)),
  currency: z.exactOptional(name(CURRENCIES)),
  paymentMethod: z.exactOptional(name(PAYMENT_METHODS)),
  from: z.exactOptional(instant),
  to: z.exactOptional(instant),
  q: z.exactOptional(searchText),
})

/** The parameters of GET /api/orders/search. */
export const searchQuery = z.object({ q: searchText, limit, cursor: z.exactOptional(cursor) })

/** The parameters of the original application's search, whose text is in the path. */
export const customerSearchQuery = searchQuery.omit({ q: true })
