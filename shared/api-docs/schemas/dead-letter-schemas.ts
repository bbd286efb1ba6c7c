import { z } from 'zod'
import type { Discarded } from '../../application/dead-letters/discard-letters.ts'
import type { RedrivePreview } from '../../application/dead-letters/preview-redrive.ts'
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
} from '../../ports/dead-letters.ts'
import type { Page } from '../../ports/order-views.ts'
import { AUDITED_ACTIONS, type AuditEntry, type RedriveTask } from '../../ports/redrives.ts'
import { causeSchema, ignored, orderId } from './order-schemas.ts'
import { count, instant, pageOf, schemaOf } from './schema-of.ts'

/** What answers about dead letters, and what operators do to them, look like. */

const deadLetterId = z.string().meta({ description: 'Its origin, `topic:partition:offset`.' })
const recordPlaceSchema = z.object({ topic: z.string(), partition: count, offset: count })
const fingerprint = z.string().meta({ description: 'The same for letters that died of the same thing.' })

const dialect = z.enum(FOREIGN_DIALECTS).nullable().meta({
  description:
    'Whose headers tell of the failure, when another consumer of the orders gave the record up; null for our own. Headers are shown as they came: nobody has checked them.',
})

const foreignFailureSchema = schemaOf<ForeignFailure>()({
  dialect: z.enum(FOREIGN_DIALECTS).meta({ description: '`unknown` when no header that we can read tells of it.' }),
  origin: recordPlaceSchema.nullable().meta({ description: 'Where that consumer read the record.' }),
  exception: z.string().nullable().meta({ description: 'The class of the exception.' }),
})

const recordBytesSchema = schemaOf<BytesView>()({
  text: z.string().nullable().meta({ description: 'Null when the bytes are not UTF-8.' }),
  base64: z.string().meta({ contentEncoding: 'base64', description: 'Always the exact bytes.' }),
})

const deadLetterSummarySchema = schemaOf<DeadLetterSummary>()({
  id: deadLetterId,
  state: z.enum(DEAD_LETTER_STATES),
  origin: recordPlaceSchema,
  orderId: orderId.nullable(),
  firstCause: causeSchema,
  lastCause: causeSchema,
  attempts: count,
  firstFailedAt: instant,
  lastFailedAt: instant,
  fingerprint,
  consumerGroup: z.string(),
  redriveOf: deadLetterId.nullable().meta({ description: 'The letter whose redrive this record was.' }),
  recordTimestamp: z.int().meta({ description: 'Of the original record, in milliseconds since 1970.' }),
  foreign: foreignFailureSchema.nullable().meta({
    description:
      'That another consumer of the orders gave the record up, as its headers say; nobody has checked them. Null for what this product gave up. Such a letter never changes an order or the ledger.',
  }),
  keptAt: instant,
})

const deadLetterSchema = schemaOf<ReturnType<typeof toDeadLetterView>>()({
  ...deadLetterSummarySchema.shape,
  key: recordBytesSchema.nullable(),
  value: recordBytesSchema.nullable(),
  editedValue: recordBytesSchema
    .nullable()
    .meta({ description: 'What was sent in its place; the original is `value`.' }),
  headers: z.array(z.object({ name: z.string(), value: recordBytesSchema.nullable() })),
  stack: z.string().nullable().meta({ description: 'Of the last failure, at most 8 KiB.' }),
})

const deadLetterGroupSchema = schemaOf<DeadLetterGroup>()({
  fingerprint,
  cause: causeSchema,
  exception: z.string().nullable().meta({
    description: 'The exception behind it, and where it was thrown first in our own code; null where there was none.',
  }),
  consumerGroup: z.string(),
  foreignDialect: dialect,
  count: z.int().min(1),
  firstSeen: instant,
  lastSeen: instant,
  sampleId: deadLetterId,
})

const base64 = z.string().nullable().meta({ contentEncoding: 'base64' })

/** Written as a list of two: generators cannot read a tuple, whose end JSON Schema says by `items: false`. */
const headerPair = z.array(z.string().nullable()).length(2).meta({
  description: 'The name, then the value in base64, or null.',
}) as z.ZodType as z.ZodType<readonly [string, string | null]>

const previewSchema = schemaOf<RedrivePreview>()({
  id: deadLetterId,
  orderId: orderId.nullable(),
  outcome: z.enum(['would-be-stored', 'still-fails', 'already-stored', 'unknown']),
  cause: z.exactOptional(causeSchema),
})

const warningSchema = schemaOf<RedriveWarning>()({
  detail: z.string(),
  readers: z.array(z.string()).nullable().meta({
    description: 'The consumer groups that have read the orders topic; null when the log could not be asked.',
  }),
})
const warning = z.exactOptional(warningSchema).meta({
  description: 'When letters of other consumers are among them: every group that reads the orders gets them again.',
})

const redriveTaskSchema = schemaOf<RedriveTask & { warning?: RedriveWarning }>()({
  id: z.string(),
  state: z.enum(['running', 'stopped', 'cancelled', 'done']),
  why: z.string().nullable().meta({ description: 'Why it stopped by itself.' }),
  createdAt: instant,
  updatedAt: instant,
  operator: z.string(),
  reason: z.string().nullable().meta({ description: 'The operator’s.' }),
  ratePerSecond: count,
  step: count.meta({ description: 'Steps begun so far; the first sends one letter, later ones more.' }),
  total: count,
  waiting: count.meta({ description: 'Not sent yet.' }),
  pending: count.meta({ description: 'Sent back, outcome not known yet.' }),
  resolved: count.meta({ description: 'Stored.' }),
  failed: count.meta({ description: 'Dead again, under another id.' }),
  skipped: count.meta({ description: 'Never sent: discarded, redriven or edited by somebody before their turn.' }),
  lastStep: z.object({ sent: count, pending: count, retrying: count, failed: count }),
  warning,
})

const auditEntrySchema = schemaOf<AuditEntry>()({
  at: instant,
  action: z.enum(AUDITED_ACTIONS),
  target: z.string().meta({ description: 'The id of the letter or task, which letters many are, or a topic.' }),
  operator: z.string(),
  verified: z.boolean().meta({ description: 'True when the platform signed the operator in.' }),
  reason: z.string().nullable(),
})

export const DEAD_LETTER_SCHEMAS = {
  DeadLetter: deadLetterSchema,
  DeadLetterSummary: deadLetterSummarySchema,
  DeadLetterPage: pageOf(deadLetterSummarySchema),
  DeadLetterGroup: deadLetterGroupSchema,
  DeadLetterGroupPage: pageOf(deadLetterGroupSchema),
  EditedDeadLetter: schemaOf<ReturnType<typeof toDeadLetterView> & Ignored>()({
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
    count: count.meta({
      description: 'The letters that this request discarded; in a dry run those that would be discarded.',
    }),
    nextCursor: z.string().nullable().meta({
      description:
        'Many letters take several requests, of some seconds each: the same body with this as `cursor` goes on. Null when it is done.',
    }),
  }),
  OptionalReason: actBody,
  RequiredReason: requiredReasonBody,
  AuditEntry: auditEntrySchema,
  AuditPage: pageOf(auditEntrySchema),
} as const
