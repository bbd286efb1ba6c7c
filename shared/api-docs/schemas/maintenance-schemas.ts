import { z } from 'zod'
import type { Backup } from '../../application/operations/backups.ts'
import type { Diagnosis } from '../../application/operations/doctor.ts'
import type { Rebuild, Schema } from '../../ports/maintenance.ts'
import { faultPlan } from '../../http/faults.ts'
import { backupBody, resetLedgerBody, takeOutBody } from '../../http/operations.ts'
import { count, instant, schemaOf } from './schema-of.ts'

/** What answers about the read model as a whole look like. */

const rebuildSchema = schemaOf<Rebuild>()({
  state: z.enum(['running', 'done', 'failed', 'abandoned']),
  why: z.string().nullable().meta({ description: 'Why it failed.' }),
  startedAt: instant,
  updatedAt: instant,
  operator: z.string(),
  phase: z.enum(['projecting', 'completing', 'swapping']),
  records: count.meta({ description: 'Records of the log that were read so far.' }),
  recordsInAll: count,
  projected: count.meta({ description: 'Orders made again from their records.' }),
  restored: count.meta({ description: 'Orders that the log had and the store had lost.' }),
  kept: count.meta({ description: 'Orders kept as they were, for their record is gone or cannot be read today.' }),
  completed: count.meta({ description: 'Orders in the full-text index so far.' }),
})

const backupSchema = schemaOf<Backup>()({
  state: z.enum(['running', 'done', 'failed']),
  name: z.string(),
  startedAt: instant,
  endedAt: instant.nullable(),
  folder: z.string().nullable().meta({ description: 'Where it is, on the machine of the process that made it.' }),
  bytes: count.nullable(),
  why: z.string().nullable().meta({ description: 'Why it failed.' }),
})

export const MAINTENANCE_SCHEMAS = {
  LedgerReset: resetLedgerBody,
  TakeOut: takeOutBody,
  Rebuild: rebuildSchema,
  RebuildProgress: z.object({
    rebuild: rebuildSchema
      .nullable()
      .meta({ description: 'The one that runs, or the last one; null when there was none.' }),
  }),
  BackupStart: backupBody,
  Backup: backupSchema,
  BackupProgress: z.object({
    backup: backupSchema
      .nullable()
      .meta({ description: 'The one that runs, or the last one of this process; null when there was none.' }),
  }),
  StoreSchema: schemaOf<Schema>()({
    migrations: z.array(z.object({ version: count, name: z.string(), appliedAt: instant })),
  }),
  Diagnosis: schemaOf<Diagnosis>()({
    well: z.boolean(),
    checks: z.array(
      z.object({
        name: z.string(),
        well: z.boolean(),
        partial: z.exactOptional(z.literal(true)).meta({ description: 'Only a part was looked at.' }),
        detail: z.string().meta({ description: 'What was found, and what to do where it is not well.' }),
      }),
    ),
  }),
  FaultPlan: faultPlan,
} as const
