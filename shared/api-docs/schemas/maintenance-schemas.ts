import { z } from 'zod'
import type { Backup } from '../../application/operations/backups.ts'
import type { Diagnosis } from '../../application/operations/doctor.ts'
import type { Forgotten, TopicRecords } from '../../application/forgetting/forgotten.ts'
import type { Migrated } from '../../application/operations/migrate.ts'
import type { ArchiveResult, ExportedOrder, RestoreResult } from '../../ports/archive.ts'
import type { Rebuild } from '../../ports/maintenance.ts'
import { archiveBody, restoreBody } from '../../http/archive.ts'
import { faultPlan } from '../../http/faults.ts'
import { forgetBody } from '../../http/customers.ts'
import { backupBody, forgetGroupBody, resetLedgerBody, takeOutBody } from '../../http/operations.ts'
import { orderId } from './order-schemas.ts'
import { count, instant, pageOf, schemaOf } from './schema-of.ts'

/** Schemas for maintenance: rebuilds, backups, archiving, forgetting, migrations and checks. */

const rebuildSchema = schemaOf<Rebuild>()({
  state: z.enum(['running', 'done', 'failed', 'abandoned']),
  why: z.string().nullable().describe('Why it failed.'),
  startedAt: instant,
  updatedAt: instant,
  operator: z.string(),
  phase: z.enum(['projecting', 'completing', 'swapping']),
  records: count.describe('Records that have been read from the log.'),
  recordsInAll: count,
  projected: count.describe('Orders that were rebuilt from their records.'),
  restored: count.describe('Orders that the log had and the store lacked.'),
  kept: count.describe('Orders that were kept unchanged, because their record is gone or cannot be read.'),
  expired: count.describe('How many of the kept orders had records that retention removed from the log.'),
  completed: count.describe('Orders added to the full-text index so far.'),
})

const backupSchema = schemaOf<Backup>()({
  state: z.enum(['running', 'done', 'failed']),
  name: z.string(),
  startedAt: instant,
  endedAt: instant.nullable(),
  folder: z.string().nullable().describe('The path of the backup, on the machine of the process that created it.'),
  bytes: count.nullable(),
  why: z.string().nullable().describe('Why it failed.'),
})

/** The document is opaque. A caller keeps the document unchanged, and sends it back to restore the order. */
const exportedOrder = z.object({
  orderId,
  hash: z.string().describe('SHA-256 in hex of the JSON of `order`.'),
  order: z.looseObject({ orderId }).describe('The whole order, for a file and for `restoreOrders`.'),
} satisfies Record<keyof ExportedOrder, z.ZodType>)
const forgottenSchema = schemaOf<Forgotten>()({
  dryRun: z.boolean(),
  customerId: z.int().min(1),
  summary: z.string().describe('One sentence for an operator.'),
  store: schemaOf<Forgotten['store']>()({
    orders: count.describe('Stored orders.'),
    unstored: count.describe('Orders that are being retried, or were dead-lettered or discarded.'),
    retrying: count.describe('How many of these are waiting for their next attempt.'),
    changes: count,
    waitingChanges: count.describe('How many of these are waiting for an earlier event.'),
    deadLetters: count.describe('Dead letters, with their payloads.'),
    edits: count.describe('How many of these letters have been edited.'),
    archived: count.describe('Orders in archive files. Forgetting a customer does not change these files.'),
    archiveFiles: z.array(z.string()).readonly().describe('The names of these files.'),
  }).describe('The number of rows that held personal data; with `dryRun`, that hold it.'),
  log: schemaOf<Forgotten['log']>()({
    records: count.describe('Records that held personal data; with `dryRun`, that hold it.'),
    redacts: z.boolean().describe('Whether the log replaces these records in place. Kafka does not.'),
    topics: z.array(
      schemaOf<TopicRecords>()({
        topic: z.string(),
        records: count,
        until: instant
          .nullable()
          .describe(
            'When the last of these records leaves the log; null if that is unknown, or if the log redacts them instead.',
          ),
        forEver: z.boolean().describe('Whether the topic keeps records forever.'),
      }),
    ),
  }),
  remains: z.array(z.string()).describe('Where personal data remains, one sentence for each place.'),
})

export const MAINTENANCE_SCHEMAS = {
  LedgerReset: resetLedgerBody,
  TakeOut: takeOutBody,
  ForgetGroup: forgetGroupBody,
  ForgetCustomer: forgetBody,
  ForgottenCustomer: forgottenSchema,
  Rebuild: rebuildSchema,
  RebuildProgress: z.object({
    rebuild: rebuildSchema.nullable().describe('The current or the last rebuild; null if there was none.'),
  }),
  BackupStart: backupBody,
  Backup: backupSchema,
  BackupProgress: z.object({
    backup: backupSchema.nullable().describe('The current or the last backup of this process; null if there was none.'),
  }),
  ExportedOrderPage: pageOf(exportedOrder),
  ArchiveOrders: archiveBody,
  ArchivedOrders: schemaOf<ArchiveResult>()({
    archived: count.describe('Archived by this request.'),
    known: count.describe('Archived before.'),
    changed: z
      .array(orderId)
      .describe('The ids of orders that have changed since they were exported. These orders stay in the store.'),
  }),
  RestoreOrders: restoreBody,
  RestoredOrders: schemaOf<RestoreResult>()({
    restored: count,
    known: count.describe('Orders that were already in the store.'),
  }),
  StoreSchema: schemaOf<Migrated>()({
    migrations: z.array(z.object({ version: count, name: z.string(), appliedAt: instant })),
    topics: z
      .array(
        z.object({
          topic: z.string(),
          setting: z.string().describe("Kafka's own name for the setting."),
          before: z.string(),
          after: z.string(),
        }),
      )
      .describe('The settings of existing topics that this request changed.'),
  }),
  Diagnosis: schemaOf<Diagnosis>()({
    well: z.boolean(),
    checks: z.array(
      z.object({
        name: z.string(),
        well: z.boolean(),
        partial: z.exactOptional(z.literal(true)).describe('Only part of it was checked.'),
        detail: z.string().describe('The finding, and what to do if the check failed.'),
      }),
    ),
  }),
  FaultPlan: faultPlan,
} as const
