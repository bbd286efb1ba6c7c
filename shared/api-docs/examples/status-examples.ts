import type { Backup } from '../../application/operations/backups.ts'
import type { Diagnosis } from '../../application/operations/doctor.ts'
import type { Forgotten } from '../../application/forgetting/forgotten.ts'
import type { Migrated } from '../../application/operations/migrate.ts'
import type { HistoryPoint } from '../../application/operations/pipeline-history.ts'
import type { LedgerVerdict } from '../../application/ledger/ledger.ts'
import type { Readiness } from '../../application/operations/readiness.ts'
import type { PipelineStatus } from '../../application/operations/status.ts'
import type { PipelineStorage } from '../../application/operations/storage.ts'
import type { Rebuild } from '../../ports/maintenance.ts'
import { EXAMPLE_ARCHIVED, EXAMPLE_HASH, EXAMPLE_ORDER_ID } from './examples.ts'

/** Examples for the API documents: a pipeline with one partition and three orders, two of them stored and one dead. */

const READINESS: Readiness = {
  ready: true,
  checks: { log: { available: true, required: true }, store: { available: true, required: false } },
}

export const NOT_READY: Readiness = {
  ready: false,
  why: 'The log cannot take orders.',
  checks: {
    log: { available: false, cause: 'The log did not answer in time.', required: true },
    store: { available: true, required: false },
  },
}

const PARKED = { retrying: 0, stored: 0, duplicate: 0, dead: 1, discarded: 0, redriven: 0 }
const EVERY_RECORD = {
  stored: 2,
  duplicate: 0,
  parked: 1,
  gaps: 0,
  absent: 0,
  lost: 0,
  redriven: 0,
  expired: 0,
  toCome: 0,
}

const STATUS: PipelineStatus = {
  at: '2026-01-31T12:05:00.000Z',
  orders: {
    topic: 'orders',
    records: 3,
    stored: 2,
    duplicate: 0,
    lag: 0,
    behindTransaction: 0,
    consumers: 1,
    partitions: [{ partition: 0, first: 0, end: 3, committed: 3, lag: 0, behindTransaction: 0 }],
  },
  retries: [{ tier: 1, topic: 'orders-retry-1', delayMs: 10_000, waiting: 0 }],
  deadLetters: { topic: 'orders-dlt', records: 1, waiting: 0 },
  parked: PARKED,
  readiness: READINESS,
}

const STORAGE: PipelineStorage = {
  at: STATUS.at,
  log: { topic: 'orders', retentionMs: 7_776_000_000, oldestRecordAt: '2026-01-31T12:00:00.000Z', bytes: 73_728 },
  store: { bytes: 241_664 },
  freeBytes: 19_327_352_832,
}

const POINT: HistoryPoint = {
  at: STATUS.at,
  records: 3,
  stored: 2,
  storedLater: 0,
  deadLetters: 1,
  lag: 0,
  retrying: 0,
  dead: 1,
  p50Ms: 4,
  p99Ms: 9,
}

const VERDICT: LedgerVerdict = {
  balanced: true,
  summary: 'All 3 records are accounted for: 2 stored, 1 parked.',
  totals: { records: 3, accepted: 3, damaged: 0, behindTransaction: 0, ...EVERY_RECORD },
  parked: PARKED,
  waiting: 0,
  partitions: [
    { topic: 'orders', partition: 0, first: 0, next: 3, end: 3, balanced: true, damaged: 0, ...EVERY_RECORD },
  ],
  gaps: [],
  damaged: [],
  lost: [],
  brokenBy: null,
}

const REBUILD: Rebuild = {
  state: 'running',
  why: null,
  startedAt: '2026-01-31T13:00:00.000Z',
  updatedAt: '2026-01-31T13:00:02.000Z',
  operator: 'alex',
  phase: 'projecting',
  records: 2,
  recordsInAll: 3,
  projected: 1,
  restored: 0,
  kept: 0,
  expired: 0,
  completed: 0,
}

const BACKUP: Backup = {
  state: 'done',
  name: '2026-01-31T12-00-00Z',
  startedAt: '2026-01-31T12:00:00.000Z',
  endedAt: '2026-01-31T12:00:04.000Z',
  folder: '/data/backups/2026-01-31T12-00-00Z',
  bytes: 73_400_320,
  why: null,
}

const FORGOTTEN: Forgotten = {
  dryRun: false,
  customerId: 48213,
  summary: 'Customer 48213 is forgotten. These held personal data: 2 stored orders, 3 records in the log.',
  store: {
    orders: 2,
    unstored: 0,
    retrying: 0,
    changes: 1,
    waitingChanges: 0,
    deadLetters: 0,
    edits: 0,
    archived: 0,
    archiveFiles: [],
  },
  log: { records: 3, redacts: true, topics: [{ topic: 'orders', records: 3, until: null, forEver: false }] },
  remains: ['Earlier backups and archives still contain the data until you delete them.'],
}

export const STATUS_EXAMPLES = {
  PipelineStatus: STATUS,
  PipelineHistory: { everyMs: 5000, items: [POINT] },
  PipelineStorage: STORAGE,
  LedgerVerdict: VERDICT,
  LedgerRepair: { processed: 1, more: false, why: null, ledger: VERDICT },
  ForgottenGroup: { group: 'audit', topics: ['orders'] },
  TakenOut: { letterId: 'orders:0:42', group: 'order-processor', processed: 0, ledger: VERDICT },
  ForgottenCustomer: FORGOTTEN,
  Rebuild: REBUILD,
  RebuildProgress: { rebuild: REBUILD },
  Backup: { ...BACKUP, state: 'running', endedAt: null, folder: null, bytes: null } as const,
  BackupProgress: { backup: BACKUP },
  ExportedOrderPage: {
    items: [{ orderId: EXAMPLE_ORDER_ID, hash: EXAMPLE_HASH, order: EXAMPLE_ARCHIVED }],
    nextCursor: null,
  },
  ArchivedOrders: { archived: 1, known: 0, changed: [] },
  RestoredOrders: { restored: 1, known: 0 },
  StoreSchema: {
  migrations: [{ version: 1, name: 'orders', appliedAt: '2026-01-31T11:59:00.000Z' }],
  topics: [{ topic: 'orders', setting: 'retention.ms', before: '-1', after: '7776000000' }],
} satisfies Migrated,
  Diagnosis: {
  well: true,
  checks: [{ name: 'ledger', well: true, detail: VERDICT.summary }],
} satisfies Diagnosis,
  FaultPlan: { store: 'down', slowMs: 1000, log: 'ok', throwForCustomers: [], poison: 0 },
  Liveness: { status: 'live' },
  Readiness: READINESS,
}

export const STALLED = {
  status: 'stalled',
  stall: { topic: 'orders', partition: 0, offset: 42, waitingMs: 95_000 },
}
