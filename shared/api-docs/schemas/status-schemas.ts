import { z } from 'zod'
import type { HistoryPoint } from '../../application/operations/pipeline-history.ts'
import type { LedgerVerdict } from '../../application/ledger/ledger.ts'
import type { LedgerRepair } from '../../application/ledger/repair-ledger.ts'
import type { Readiness } from '../../application/operations/readiness.ts'
import type { PipelineStatus } from '../../application/operations/status.ts'
import type { LedgerGap, LedgerLoss, ParkedState } from '../../ports/ledger.ts'
import { count, instant, schemaOf } from './schema-of.ts'

/** What answers about the pipeline's health and figures look like. */

const check = z.object({ available: z.boolean(), cause: z.exactOptional(z.string()), required: z.boolean() })

const logCheck = check.extend({
  unreadable: z.exactOptional(
    z.array(z.string()).readonly().meta({
      description: 'What consumers of this instance cannot read although the brokers answer, a line each.',
    }),
  ),
})

const readinessSchema = schemaOf<Readiness>()({
  ready: z.boolean(),
  why: z.exactOptional(z.string().meta({ description: 'What is away; absent when all is well.' })),
  checks: z.object({ log: logCheck, store: check }),
})

const parked = schemaOf<Record<ParkedState, number>>()({
  retrying: count,
  stored: count,
  duplicate: count,
  dead: count,
  discarded: count,
  redriven: count,
}).meta({ description: 'What became of every record that was ever parked.' })

const place = { partition: count, first: count, end: count }

const behindTransaction = count.meta({
  description: 'Offsets behind a transaction that is open; nobody can read them before it ends.',
})

const pace = z.number().min(0).nullable()

/** Of the history: null for a moment in which the store was away. */
const ofStore = count.nullable()

const historyPointSchema = schemaOf<HistoryPoint>()({
  at: instant,
  records: count.meta({ description: 'Records of the orders topic since its beginning.' }),
  stored: ofStore.meta({ description: 'Orders that were stored, from the orders topic or later.' }),
  storedLater: ofStore.meta({ description: 'Those of them that were parked before.' }),
  deadLetters: count.meta({ description: 'Records of the dead-letter topic since its beginning.' }),
  lag: count,
  retrying: ofStore,
  dead: ofStore,
  p50Ms: pace.meta({
    description:
      'From accepting to storing, of the newest orders stored since the point before; null when there is none.',
  }),
  p99Ms: pace,
})

const gapSchema = schemaOf<LedgerGap>()({
  topic: z.string(),
  partition: count,
  from: count,
  to: count.meta({ description: 'Exclusive.' }),
})

const lossSchema = schemaOf<LedgerLoss>()({
  ...gapSchema.shape,
  lostBy: z.enum(['log-start', 'hole']).meta({
    description: '`log-start`: the log begins after them. `hole`: they are missing from a compacted log.',
  }),
})

/** The number of records by outcome, in one partition or in all. */
const outcomes = {
  redriven: count,
  stored: count,
  duplicate: count,
  parked: count,
  gaps: count.meta({ description: 'Passed over although the log has them: a repair processes them.' }),
  damaged: count.meta({ description: 'Passed over because the log can no longer return them.' }),
  lost: count.meta({ description: 'Left the log before they were counted.' }),
  absent: count.meta({
    description:
      'Never records, such as transaction markers. On the embedded log also damaged ones that an operator settled by a reset.',
  }),
  toCome: z.int().meta({ description: 'Below zero when the log ends before the last record that was counted.' }),
}

const ledgerVerdictSchema = schemaOf<LedgerVerdict>()({
  balanced: z.boolean(),
  summary: z.string().meta({ description: 'The verdict in one sentence.' }),
  totals: z.object({
    records: z.int(),
    accepted: z.int(),
    ...outcomes,
    behindTransaction,
  }),
  parked,
  partitions: z.array(
    z.object({
      topic: z.string(),
      ...place,
      next: count,
      ...outcomes,
      balanced: z.boolean(),
    }),
  ),
  gaps: z.array(gapSchema),
  damaged: z.array(gapSchema),
  lost: z.array(lossSchema),
  brokenBy: z.enum(['replaced', 'truncated']).nullable().meta({
    description: 'Why the log is not the one that was counted; null when it is.',
  }),
})

export const STATUS_SCHEMAS = {
  Liveness: z.object({
    status: z.enum(['live', 'stalled']),
    stall: z
      .exactOptional(z.object({ topic: z.string(), partition: count, offset: count, waitingMs: count }))
      .meta({ description: 'The record at which the group stands although it could be delivered, and for how long.' }),
  }),
  Readiness: readinessSchema,
  PipelineHistory: z.object({ everyMs: count, items: z.array(historyPointSchema) }),
  PipelineStatus: schemaOf<PipelineStatus>()({
    at: instant,
    orders: z.object({
      topic: z.string(),
      records: count,
      stored: count,
      duplicate: count,
      lag: count.meta({ description: 'Records that no consumer has committed yet.' }),
      behindTransaction,
      consumers: count.nullable().meta({
        description:
          'Members of the consumer group that processes orders. 0: nobody does. Null: the log could not say.',
      }),
      partitions: z.array(z.object({ ...place, committed: count, lag: count, behindTransaction })),
    }),
    retries: z.array(z.object({ tier: z.int().min(1), topic: z.string(), delayMs: count, waiting: count })),
    deadLetters: z.object({ topic: z.string(), records: count, waiting: count }),
    parked,
    readiness: readinessSchema,
  }),
  LedgerVerdict: ledgerVerdictSchema,
  LedgerRepair: schemaOf<LedgerRepair & { ledger: LedgerVerdict }>()({
    processed: count.meta({ description: 'Records that had been passed over and now have an outcome.' }),
    more: z.boolean().meta({ description: 'Its time was up: another repair goes on from there.' }),
    why: z.string().nullable().meta({ description: 'Why it stopped before there were none left; else null.' }),
    ledger: ledgerVerdictSchema,
  }),
  TakenOut: z.object({
    letterId: z.string().meta({ description: 'The dead letter that it is now.' }),
    group: z.string(),
    processed: count.meta({ description: 'Records that waited before it, which were processed as any other.' }),
    ledger: ledgerVerdictSchema,
  }),
} as const
