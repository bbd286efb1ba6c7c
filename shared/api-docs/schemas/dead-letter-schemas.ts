import { z } from 'zod'
import type { Discarded } from '../../application/dead-letters/discard-letters.ts'
import type { RedriveFollower, RedrivePreview } from '../../application/dead-letters/preview-redrive.ts'
import type { Ignored } from '../../http/place-order.ts'
import { actBody, requiredReasonBody } from '../../http/acts.ts'
import { discardBody, type BytesView, type toDeadLetterView, type toFixture } from '../../http/dead-letters.ts'
import { redriveBody, redriveLetterBody } from '../../http/redrives.ts'
import type { RedriveWarning } from '../../application/dead-letters/redrive-warning.ts'
import {
  DEAD_LETTER_STATES,
  FOREIGN_DIALECTS,
  type DeadLetterGroup,
  type DeadLetterSummary,
  type ForeignFailure,
  type LetterChange,
  type Waiting,
} from '../../ports/dead-letters.ts'
import type { Page } from '../../ports/order-views.ts'
import { AUDITED_ACTIONS, type AuditEntry, type RedriveTask } from '../../ports/redrives.ts'
import { CHANGE_KINDS } from '../../domain/changes/order-changes.ts'
import { causeSchema, changeId, ignored, orderId } from './order-schemas.ts'
import { count, instant, pageOf, schemaOf } from './schema-of.ts'

/** Schemas for dead letters and operators' actions on them. */

const deadLetterId = z.string().describe('The origin of the letter, `topic:partition:offset`.')
const recordPlaceSchema = z.object({ topic: z.string(), partition: count, offset: count })
const fingerprint = z.string().describe('A key that is the same for all letters that failed for the same reason.')

const dialect = z
  .enum(FOREIGN_DIALECTS)
  .nullable()
  .describe(
    'The framework whose headers describe the failure, if another consumer of the orders gave up on the record; null for our own letters. The headers have not been verified.',
  )

const foreignFailureSchema = schemaOf<ForeignFailure>()({
  dialect: z.enum(FOREIGN_DIALECTS).describe('`unknown` when no known header describes the failure.'),
  origin: recordPlaceSchema.nullable().describe('The position at which that consumer read the record.'),
  exception: z.string().nullable().describe('The class of the exception.'),
})

const letterChangeSchema = schemaOf<LetterChange>()({ changeId, kind: z.enum(CHANGE_KINDS) })

const recordBytesSchema = schemaOf<BytesView>()({
  text: z.string().nullable().describe('Null when the bytes are not UTF-8.'),
  base64: z.string().meta({ contentEncoding: 'base64', description: 'Always the exact bytes.' }),
})

const waitingChanges = z.exactOptional(
  z
    .int()
    .min(1)
    .describe('How many changes to its order are waiting for an earlier event, for example the one in this letter.'),
)

const deadLetterSummarySchema = schemaOf<DeadLetterSummary & Waiting>()({
  id: deadLetterId,
  state: z.enum(DEAD_LETTER_STATES),
  origin: recordPlaceSchema,
  orderId: orderId.nullable(),
  change: z.exactOptional(letterChangeSchema.describe('The change to the order, if the record is a change.')),
  waitingChanges,
  firstCause: causeSchema,
  lastCause: causeSchema,
  attempts: count,
  firstFailedAt: instant,
  lastFailedAt: instant,
  fingerprint,
  consumerGroup: z.string(),
  redriveOf: deadLetterId.nullable().describe('The letter that was redriven as this record.'),
  recordTimestamp: z.int().describe('The timestamp of the original record, in milliseconds since 1970.'),
  foreign: foreignFailureSchema
    .nullable()
    .describe(
      'Present if another consumer of the orders gave up on the record, according to its headers, which have not been verified. Null for this product’s own letters. A foreign letter never changes an order or the ledger.',
    ),
  keptAt: instant,
})

const deadLetterSchema = schemaOf<ReturnType<typeof toDeadLetterView> & Waiting>()({
  ...deadLetterSummarySchema.shape,
  key: recordBytesSchema.nullable(),
  value: recordBytesSchema.nullable(),
  editedValue: recordBytesSchema.nullable().describe('The order that was sent in its place. The original is `value`.'),
  headers: z.array(z.object({ name: z.string(), value: recordBytesSchema.nullable() })),
  stack: z.string().nullable().describe('The stack trace of the last failure, at most 8 KiB.'),
})

const deadLetterGroupSchema = schemaOf<DeadLetterGroup>()({
  fingerprint,
  cause: causeSchema,
  exception: z
    .string()
    .nullable()
    .describe('The exception and its first stack frame in our own code; null if there was no exception.'),
  consumerGroup: z.string(),
  foreignDialect: dialect,
  count: z.int().min(1),
  firstSeen: instant,
  lastSeen: instant,
  sampleId: deadLetterId,
})

const base64 = z.string().nullable().meta({ contentEncoding: 'base64' })

/** An array of length 2, because generators cannot handle a JSON Schema tuple (`items: false`). */
const headerPair = z
  .array(z.string().nullable())
  .length(2)
  .describe('The name, then the value in base64, or null.') as z.ZodType as z.ZodType<readonly [string, string | null]>

const followerSchema = schemaOf<RedriveFollower>()({
  changeId,
  outcome: z.enum(['would-be-applied', 'would-be-rejected']),
  cause: z.exactOptional(causeSchema),
})

const previewSchema = schemaOf<RedrivePreview>()({
  id: deadLetterId,
  orderId: orderId.nullable(),
  changeId: z.exactOptional(changeId),
  outcome: z
    .enum([
      'would-be-stored',
      'still-fails',
      'already-stored',
      'unknown',
      'would-be-applied',
      'would-be-rejected',
      'would-wait',
    ])
    .describe(
      'The last three apply only to changes. `would-wait`: an earlier event of the order, which is not selected or still fails, has to be repaired first.',
    ),
  cause: z.exactOptional(causeSchema),
  followers: z.exactOptional(
    z.array(followerSchema).describe('Waiting changes to the order that would be decided together with the letter.'),
  ),
})

const warningSchema = schemaOf<RedriveWarning>()({
  detail: z.string(),
  readers: z
    .array(z.string())
    .nullable()
    .describe('The consumer groups that have read the orders topic; null if the log could not be queried.'),
})
const warning = z
  .exactOptional(warningSchema)
  .describe(
    'Present if dead letters from other consumers are included: their records are delivered again to every group that reads the orders.',
  )

const redriveTaskSchema = schemaOf<RedriveTask & { warning?: RedriveWarning }>()({
  id: z.string(),
  state: z.enum(['running', 'stopped', 'cancelled', 'done']),
  why: z.string().nullable().describe('Why it stopped.'),
  createdAt: instant,
  updatedAt: instant,
  operator: z.string(),
  reason: z.string().nullable().describe('The operator’s reason.'),
  ratePerSecond: count,
  step: count.describe('The number of steps so far. The first step sends one letter; later steps send more.'),
  total: count,
  waiting: count.describe('Not sent yet.'),
  pending: count.describe('Sent; the outcome is not known yet.'),
  resolved: count.describe('Stored.'),
  failed: count.describe('Dead again, under another id.'),
  skipped: count.describe('Not sent, because somebody had already discarded, redriven or edited them.'),
  lastStep: z.object({ sent: count, pending: count, retrying: count, failed: count }),
  warning,
})

const auditEntrySchema = schemaOf<AuditEntry>()({
  at: instant,
  action: z.enum(AUDITED_ACTIONS),
  target: z
    .string()
    .describe('The id of a dead letter or of a redrive, the filter that selected the dead letters, or a topic.'),
  operator: z.string(),
  verified: z.boolean().describe('True when the platform signed the operator in.'),
  reason: z.string().nullable(),
})

export const DEAD_LETTER_SCHEMAS = {
  DeadLetter: deadLetterSchema,
  DeadLetterSummary: deadLetterSummarySchema,
  DeadLetterPage: pageOf(deadLetterSummarySchema),
  DeadLetterGroup: deadLetterGroupSchema,
  DeadLetterGroupPage: pageOf(deadLetterGroupSchema),
  EditedDeadLetter: schemaOf<ReturnType<typeof toDeadLetterView> & Waiting & Ignored>()({
    ...deadLetterSchema.shape,
    ignored,
  }),
  DeadLetterFixture: schemaOf<ReturnType<typeof toFixture>>()({
    format: z.string(),
    id: deadLetterId,
    record: z.object({
      topic: z.string(),
      partition: count,
      offset: count,
      timestamp: z.int(),
      key: base64,
      value: base64,
      headers: z.array(headerPair),
    }),
    lastCause: causeSchema,
  }),
  RecordPlace: recordPlaceSchema,
  RecordBytes: recordBytesSchema,
  ForeignFailure: foreignFailureSchema,
  LetterChange: letterChangeSchema,
  Redrive: redriveBody,
  RedriveOne: redriveLetterBody,
  RedrivePreview: previewSchema,
  RedrivePreviewPage: schemaOf<Page<RedrivePreview> & { warning?: RedriveWarning }>()({
    ...pageOf(previewSchema).shape,
    warning,
  }),
  RedriveWarning: warningSchema,
  RedriveTask: redriveTaskSchema,
  RedriveTaskPage: pageOf(redriveTaskSchema),
  Discard: discardBody,
  Discarded: schemaOf<Discarded & { dryRun: boolean }>()({
    dryRun: z.boolean(),
    count: count.describe(
      'The number of letters that this request discarded. In a dry run, the number that would be discarded.',
    ),
    nextCursor: z
      .string()
      .nullable()
      .describe(
        'Many letters take several requests of a few seconds each. To continue, send the same body with this value as `cursor`. Null when all are done.',
      ),
  }),
  OptionalReason: actBody,
  RequiredReason: requiredReasonBody,
  AuditEntry: auditEntrySchema,
  AuditPage: pageOf(auditEntrySchema),
} as const
