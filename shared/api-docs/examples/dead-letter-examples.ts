import type { RedrivePreview } from '../../application/dead-letters/preview-redrive.ts'
import type { BytesView, toDeadLetterView, toFixture } from '../../http/dead-letters.ts'
import type { DeadLetterGroup, DeadLetterSummary } from '../../ports/dead-letters.ts'
import type { Page } from '../../ports/order-views.ts'
import type { AuditEntry, RedriveTask } from '../../ports/redrives.ts'
import { EXAMPLE_ORDER_ID } from './examples.ts'

/** Examples for the documents: a dead letter whose order has no quantity, and operators' actions on it. */

const ID = 'orders:0:42'
const ORIGIN = { topic: 'orders', partition: 0, offset: 42 }
const FINGERPRINT = '5f0c2d9be1a47730'
const CAUSE = { code: 'invalid-order', detail: 'Not a valid order: /orderItems/0/quantity is required' }
const GROUP = 'order-processor'
const FAILED_AT = '2026-01-31T12:00:00.210Z'
const VALUE = '{"customerId":48213}'
const page = <T>(...items: T[]): Page<T> => ({ items, nextCursor: null })

const SUMMARY: DeadLetterSummary = {
  id: ID,
  state: 'dead',
  origin: ORIGIN,
  orderId: EXAMPLE_ORDER_ID,
  firstCause: CAUSE,
  lastCause: CAUSE,
  attempts: 1,
  firstFailedAt: FAILED_AT,
  lastFailedAt: FAILED_AT,
  fingerprint: FINGERPRINT,
  consumerGroup: GROUP,
  redriveOf: null,
  recordTimestamp: 1_769_860_800_000,
  foreign: null,
  keptAt: '2026-01-31T12:00:00.300Z',
}

const LETTER: ReturnType<typeof toDeadLetterView> = {
  ...SUMMARY,
  key: bytes(EXAMPLE_ORDER_ID),
  value: bytes(VALUE),
  editedValue: null,
  headers: [{ name: 'ce_type', value: bytes('NewOrder.v1') }],
  stack: null,
}

const TASK: RedriveTask = {
  id: '3f6b0c5e-2f0e-4a5e-8a0e-6c1f4b1f9d2a',
  state: 'running',
  why: null,
  createdAt: '2026-01-31T13:00:00.000Z',
  updatedAt: '2026-01-31T13:00:02.000Z',
  operator: 'alex',
  reason: 'The address service was down.',
  ratePerSecond: 100,
  step: 2,
  total: 3,
  waiting: 0,
  pending: 2,
  resolved: 1,
  failed: 0,
  skipped: 0,
  lastStep: { sent: 2, pending: 2, retrying: 0, failed: 0 },
}

export const DEAD_LETTER_EXAMPLES = {
  DeadLetter: LETTER,
  EditedDeadLetter: LETTER,
  DeadLetterPage: page(SUMMARY),
  DeadLetterGroupPage: page<DeadLetterGroup>({
  fingerprint: FINGERPRINT,
  cause: CAUSE,
  exception: null,
  consumerGroup: GROUP,
  foreignDialect: null,
  count: 3,
  firstSeen: FAILED_AT,
  lastSeen: '2026-01-31T12:04:31.007Z',
  sampleId: ID,
}),
  DeadLetterFixture: {
  format: 'order-event-processing/dead-letter/1',
  id: ID,
  record: {
    ...ORIGIN,
    timestamp: SUMMARY.recordTimestamp,
    key: base64(EXAMPLE_ORDER_ID),
    value: base64(VALUE),
    headers: [['ce_type', base64('NewOrder.v1')]],
  },
  lastCause: CAUSE,
} satisfies ReturnType<typeof toFixture>,
  RedrivePreviewPage: page<RedrivePreview>({ id: ID, orderId: EXAMPLE_ORDER_ID, outcome: 'still-fails', cause: CAUSE }),
  RedriveTask: TASK,
  RedriveTaskPage: page(TASK),
  Discarded: { dryRun: false, count: 12, nextCursor: null },
  AuditPage: page<AuditEntry>({
  at: '2026-01-31T13:00:00.000Z',
  action: 'redrive',
  target: TASK.id,
  operator: 'alex',
  verified: false,
  reason: 'The address service was down.',
}),
}

function bytes(text: string): BytesView {
  return { text, base64: base64(text) }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
