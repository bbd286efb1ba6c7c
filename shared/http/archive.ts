import type { HttpRequest } from '@azure/functions'
import { z } from 'zod'
import { archivedOrderSchema, type ArchivedOrder } from '../domain/archived-order.ts'
import type { ArchivingAct, ExportQuery } from '../ports/archive.ts'
import type { Act } from '../ports/redrives.ts'
import { actBody } from './acts.ts'
import { cursor, instant, readQuery, wholeNumber } from './protocol/query.ts'
import { invalidRequest, validated } from './protocol/validated.ts'

const continues = z
  .boolean({ error: 'must be true or false' })
  .describe(
    'True if an earlier request of the same run has written the audit entry for this file. Default: false, in which case an audit entry is written.',
  )

const MAX_ORDERS = 200
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/
const orderId = z
  .string({ error: 'must be a string' })
  .refine((id) => UUID.test(id), { error: 'must be an order id' })
  .meta({ format: 'uuid' }) // for the API documents, which cannot express a `refine`
/**
 * The name of a file, as `ops archive` generates it. The store keeps the name with each order, and the audit log
 * records it as the target.
 */
const fileName = z
  .string({ error: 'must be a string' })
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, { error: 'must be 1 to 100 letters, digits, dots, _ and -' })

/** The parameters of GET /api/ops/archive/orders. */
export const exportQuery = z.object({
  before: instant.describe('Orders that were accepted before this time (RFC 3339), which must not be in the future.'),
  limit: wholeNumber(1, MAX_ORDERS).default(100).describe('The maximum number of orders on the page.'),
  cursor: z.exactOptional(cursor),
})

/** The body of POST /api/ops/archive/orders. */
export const archiveBody = actBody.extend({
  file: fileName.describe('The name of the file that contains the orders.'),
  orders: z
    .array(
      z.strictObject({
        orderId,
        hash: z.string().regex(/^[0-9a-f]{64}$/, { error: 'must be a SHA-256 in hex' }),
      }),
    )
    .min(1, { error: 'must have at least one order' })
    .max(MAX_ORDERS, { error: `must have at most ${MAX_ORDERS} orders` })
    .describe('The orders, each with the hash that it had when it was exported.'),
  continues: z.exactOptional(continues),
})

/** The body of POST /api/ops/archive/restore, whose documents have not been validated yet. */
export const restoreBody = actBody.extend({
  source: fileName.describe('The name of the file, or the id of a single order.'),
  orders: z
    .array(z.looseObject({ orderId }))
    .min(1, { error: 'must have at least one order' })
    .max(1000, { error: 'must have at most 1000 orders' })
    .describe('Documents as they were exported.'),
  continues: z.exactOptional(continues),
})

const documents = z.object({ orders: z.array(archivedOrderSchema) })

/** Adds a flag that says whether the action continues a run that an earlier request started. */
export function archivingAct(act: Act, body: { readonly continues?: boolean }): ArchivingAct {
  return { ...act, continues: body.continues ?? false }
}

/** Validates the documents. Throws `invalid-request` with pointers if one of them is not an archived order. */
export function readDocuments({ orders }: z.output<typeof restoreBody>): readonly ArchivedOrder[] {
  return validated(documents, { orders }, 'invalid-request').orders
}

/** Throws `invalid-request` for a time in the future, which can only be a mistake. */
export function readExportQuery(request: HttpRequest, nowMs: number): ExportQuery {
  const query = readQuery(request.query, exportQuery)
  if (Date.parse(query.before) > nowMs) {
    throw invalidRequest('The query parameter before', 'before', 'must not be in the future')
  }
  return query
}
