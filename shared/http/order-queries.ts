import { z } from 'zod'
import { CURRENCIES, PAYMENT_METHODS } from '../domain/order-commands.ts'
import { filledText } from '../domain/text.ts'
import { STORE_STATUSES } from '../domain/order-view.ts'
import { cursor, from, limit, searchText, to, wholeNumber } from './protocol/query.ts'

function name<const Names extends readonly [string, ...string[]]>(names: Names, description: string) {
  return z.enum(names, { error: `must be one of ${names.join(', ')}` }).meta({ description })
}

const KNOWN_STATUSES = `must be one of ${STORE_STATUSES.join(', ')}`
/** Without this an empty list would look as if no order was waiting. */
const WHY_NOT_ACCEPTED =
  'orders that are accepted but not processed yet are in the log, and lists come from the store. ' +
  'Ask for one of them at GET /api/orders/{orderId}; operators see how many there are at GET /api/ops/status'

const status = z
  .enum(STORE_STATUSES, {
    error: ({ input }) => (input === 'accepted' ? `${KNOWN_STATUSES}: ${WHY_NOT_ACCEPTED}` : KNOWN_STATUSES),
  })
  .meta({
    description:
      'Orders that stand there. Without it, the stored ones. `accepted` is refused, because such orders are in the log alone: ask for one by its id.',
  })

/** The parameters of GET /api/orders. */
export const listQuery = z.object({
  limit,
  cursor: z.exactOptional(cursor),
  customerId: z.exactOptional(
    wholeNumber(1, Number.MAX_SAFE_INTEGER).meta({ description: 'Orders of this customer.' }),
  ),
  status: z.exactOptional(status),
  currency: z.exactOptional(name(CURRENCIES, 'Orders whose total is in this currency.')),
  paymentMethod: z.exactOptional(name(PAYMENT_METHODS, 'Orders that are paid in this way.')),
  reference: z.exactOptional(
    filledText(100).meta({ description: 'Orders that have this reference: the whole of it, letter by letter.' }),
  ),
  from: z.exactOptional(from),
  to: z.exactOptional(to),
  q: z.exactOptional(searchText),
})

/** The parameters of GET /api/orders/search. */
export const searchQuery = z.object({ q: searchText, limit, cursor: z.exactOptional(cursor) })

/** The parameters of the original application's search, whose text is in the path. */
export const customerSearchQuery = searchQuery.omit({ q: true })
