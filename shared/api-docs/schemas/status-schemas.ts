import { z } from 'zod'
import type { HistoryPoint } from '../../application/operations/pipeline-history.ts'
import type { LedgerVerdict } from '../../application/ledger/ledger.ts'
import type { LedgerRepair } from '../../application/ledger/repair-ledger.ts'
import type { Readiness } from '../../application/operations/readiness.ts'
import type { PipelineStatus } from '../../application/operations/status.ts'
import type { PipelineStorage } from '../../application/operations/storage.ts'
import type { LedgerGap, LedgerLoss, ParkedState } from '../../ports/ledger.ts'
import { count, instant, schemaOf } from './schema-of.ts'

/** Schemas for the pipeline's health and figures. */

const check = z.object({ available: z.boolean(), cause: z.exactOptional(z.string()), required: z.boolean() })

const logCheck = check.extend({
  unreadable: z.exactOptional(
    z
      .array(z.string())
      .readonly()
      .describe('One line for each topic that consumers of this instance cannot read although the brokers answer.'),
  ),
})

const readinessSchema = schemaOf<Readiness>()({
  ready: z.boolean(),
  why: z.exactOptional(z.string().describe('What is unavailable; absent when everything is available.')),
  checks: z.object({ log: logCheck, store: check }),
})

const parked = schemaOf<Record<ParkedState, number>>()({
  retrying: count,
  stored: count,
  duplicate: count,
  dead: count,
  discarded: count,
  redriven: count,
}).describe('The number of records that have ever been parked, by their current state.')

const place = { partition: count, first: count, end: count }

const behindTransaction = count.describe(
  'Offsets at or after the start of an open transaction. They cannot be read until the transaction ends.',
)

const pace = z.number().min(0).nullable()

/** A figure in the history; null if the store was unavailable at that time. */
const ofStore = count.nullable()

const historyPointSchema = schemaOf<HistoryPoint>()({
  at: instant,
  records: count.describe('The number of records that the orders topic has received since it was created.'),
  stored: ofStore.describe('Orders that were stored, whether from the orders topic or after parking.'),
  storedLater: ofStore.describe('How many of the stored orders had been parked before.'),
  deadLetters: count.describe('The number of records that the dead-letter topic has received since it was created.'),
  lag: count,
  retrying: ofStore,
  dead: ofStore,
  p50Ms: pace.describe(
    'The time from `accepted` to `stored`, for the newest orders stored since the previous point; null if there are none.',
  ),
  p99Ms: pace,
})

const gapSchema = schemaOf<LedgerGap>()({
  topic: z.string(),
  partition: count,
  from: count,
  to: count.describe('Exclusive.'),
})

const lossSchema = schemaOf<LedgerLoss>()({
  ...gapSchema.shape,
  lostBy: z
    .enum(['log-start', 'hole'])
    .describe('`log-start`: the log begins after them. `hole`: they are missing from a compacted log.'),
})

/** The number of records by outcome, in one partition or in all. */
const outcomes = {
  redriven: count,
  stored: count,
  duplicate: count,
  parked: count,
  gaps: count.describe('Records that were passed over although they are in the log; a repair processes them.'),
  damaged: count.describe('Records that were passed over because the log can no longer return them.'),
  lost: count.describe('Records that disappeared from the log before they were counted.'),
  absent: count.describe(
    'Offsets that never held a record, such as transaction markers. In the embedded log, this also counts damaged records that an operator accepted by resetting the ledger.',
  ),
  expired: count.describe(
    'Counted offsets whose records retention has since removed from the log. They are also included in the other figures.',
  ),
  toCome: z
    .int()
    .describe(
      'The number of records that have not been counted yet. Below zero if the log ends before the last record that was counted.',
    ),
}

const ledgerVerdictSchema = schemaOf<LedgerVerdict>()({
  balanced: z.boolean(),
  summary: z.string().describe('The verdict in one sentence.'),
  totals: z.object({
    records: z.int(),
    accepted: z.int(),
    ...outcomes,
    behindTransaction,
  }),
  parked,
  waiting: count.describe('How many of the stored records are changes that wait for an earlier event of their order.'),
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
  brokenBy: z
    .enum(['replaced', 'truncated'])
    .nullable()
    .describe('Why the log is no longer the one that was counted; null if it still is.'),
})

export const STATUS_SCHEMAS = {
  Liveness: z.object({
    status: z.enum(['live', 'stalled']),
    stall: z
      .exactOptional(z.object({ topic: z.string(), partition: count, offset: count, waitingMs: count }))
      .describe(
        'The group is stuck at this record, although the record could be delivered. `waitingMs` says how long it has been stuck.',
      ),
  }),
  Readiness: readinessSchema,
  PipelineHistory: z.object({ everyMs: count, items: z.array(historyPointSchema) }),
  PipelineStatus: schemaOf<PipelineStatus>()({
    at: instant,
    orders: z.object({
      topic: z.string(),
      records: count.describe('Records since the topic was created, whether or not the log still has them.'),
      stored: count,
      duplicate: count,
      lag: count.describe('Records that no consumer has committed yet.'),
      behindTransaction,
      consumers: count
        .nullable()
        .describe(
          'The number of members of the consumer group that processes orders. Null if the log could not report it.',
        ),
      partitions: z.array(z.object({ ...place, committed: count, lag: count, behindTransaction })),
    }),
    retries: z.array(z.object({ tier: z.int().min(1), topic: z.string(), delayMs: count, waiting: count })),
    deadLetters: z.object({ topic: z.string(), records: count, waiting: count }),
    parked,
    readiness: readinessSchema,
  }),
  PipelineStorage: schemaOf<PipelineStorage>()({
    at: instant,
    log: z.object({
      topic: z.string(),
      retentionMs: count.nullable().describe('LOG_RETENTION; null if records are kept forever.'),
      oldestRecordAt: instant
        .nullable()
        .describe(
          'The timestamp of the oldest record in the topic; null if there are no records, or if the timestamp is not a valid time.',
        ),
      bytes: count.nullable().describe('The size of the embedded log; null on Kafka.'),
    }),
    store: z.object({ bytes: count.nullable().describe('The size of the SQLite database; null on SQL Server.') }),
    freeBytes: count.nullable().describe('The free space on the disk of DATA_DIR; null in the Functions runtime.'),
  }),
  LedgerVerdict: ledgerVerdictSchema,
  LedgerRepair: schemaOf<LedgerRepair & { ledger: LedgerVerdict }>()({
    processed: count.describe('Records that had been passed over and now have an outcome.'),
    more: z.boolean().describe('True if the time limit was reached: the next repair continues where this one stopped.'),
    why: z.string().nullable().describe('Why it stopped before all the records were processed; otherwise null.'),
    ledger: ledgerVerdictSchema,
  }),
  ForgottenGroup: z.object({
    group: z.string(),
    topics: z.array(z.string()).describe('The topics that the group had read.'),
  }),
  TakenOut: z.object({
    letterId: z.string().describe('The id of the new dead letter.'),
    group: z.string(),
    processed: count.describe(
      'The number of records that were waiting before this record and were processed as usual.',
    ),
    ledger: ledgerVerdictSchema,
  }),
} as const
