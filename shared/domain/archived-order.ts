import { z } from 'zod'
import { CHANGE_KINDS, loggedAmendmentSchema } from './changes/order-changes.ts'
import { loggedOrderSchema } from './order-commands.ts'
import { HISTORY_KINDS } from './order-view.ts'

/**
 * An order in an archive: everything that the store knows about it, in a form that every store can restore. Archives
 * are read for years, so a new member must be optional and last, and the meaning of an existing member must never
 * change.
 */

const count = z.int().min(0)
const instant = z.iso.datetime()
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const id = z.string().regex(/^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/)

const cause = z.strictObject({ code: z.string(), detail: z.string() })
const position = z.strictObject({ topic: z.string().min(1).max(249), partition: count, offset: count })

const entry = z.strictObject({
  at: instant,
  kind: z.enum(HISTORY_KINDS),
  attempt: count.nullable(),
  nextAttemptAt: instant.nullable(),
  cause: cause.nullable(),
  reason: z.string().nullable(),
  /** Null if the entry is about the order itself. */
  changeId: id.nullable(),
  version: count.nullable(),
})

/** Present if the customer has been forgotten (forgotten-data.ts). */
const forgotten = z.exactOptional(z.literal(true))

const change = z.strictObject({
  changeId: id,
  kind: z.enum(CHANGE_KINDS),
  state: z.enum(['applied', 'rejected', 'discarded']),
  /** Null if the change was discarded and could not be read. */
  change: z
    .discriminatedUnion('kind', [
      z.strictObject({
        kind: z.literal('amend'),
        amendment: loggedAmendmentSchema,
        expectedVersion: z.exactOptional(count),
        forgotten,
      }),
      z.strictObject({
        kind: z.literal('cancel'),
        reason: z.exactOptional(z.string()),
        expectedVersion: z.exactOptional(count),
        forgotten,
      }),
    ])
    .nullable(),
  bodyHash: sha256.nullable(),
  idempotencyKeyHash: sha256.nullable(),
  origin: position,
  acceptedAt: instant.nullable(),
  updatedAt: instant,
  version: count.nullable(),
  cause: cause.nullable(),
  attempt: count,
})

/** The members that only a stored order has. */
const storedPart = z.strictObject({
  storedAt: instant,
  origin: position,
  bodyHash: sha256,
  idempotencyKeyHash: sha256.nullable(),
  recovered: z.boolean(),
  version: count,
  cancelledAt: instant.nullable(),
  cancellationReason: z.string().nullable(),
})

/** The members that only a discarded order has. An operator discarded it before it was stored. */
const discardedPart = z.strictObject({ attempt: count, maxAttempts: count, cause, updatedAt: instant })

export const archivedOrderSchema = z.strictObject({
  orderId: id,
  acceptedAt: instant,
  /** Includes the changes that were applied to the order. Null if the order was discarded and could not be read. */
  order: loggedOrderSchema.extend({ forgotten }).nullable(),
  stored: storedPart.nullable(),
  discarded: discardedPart.nullable(),
  changes: z.array(change),
  history: z.array(entry),
})

export type ArchivedOrder = z.output<typeof archivedOrderSchema>
export type ArchivedChange = z.output<typeof change>
export type ArchivedEntry = z.output<typeof entry>

/** The version of these documents, as given in manifests. */
export const ARCHIVE_SCHEMA_VERSION = 1
