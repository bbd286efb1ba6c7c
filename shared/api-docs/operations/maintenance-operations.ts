import type { ProblemCode } from '../../http/protocol/problem.ts'
import type { RouteName } from '../../http/routes.ts'
import { jsonAnswer, type OperationDescription } from './operation.ts'

/** The routes that keep the read model well. */

const ACT_PROBLEMS: readonly ProblemCode[] = [
  'malformed-json',
  'invalid-request',
  'conflict',
  'payload-too-large',
  'unsupported-media-type',
  'log-unavailable',
  'log-unreadable',
  'store-unavailable',
  'shutting-down',
]

export const MAINTENANCE_OPERATIONS = {
  rebuildOrders: {
    tag: 'Operations',
    summary: 'Make the orders again from the log',
    description:
      'Beside the live ones, which answer queries and take new orders until the new ones take their place. One at a time; it can be begun anew whenever it failed.',
    headers: ['Operator'],
    body: {
      schema: 'OptionalReason',
      required: false,
      examples: { example: { summary: 'Why', value: { reason: 'The event has a new version.' } } },
    },
    answers: { 202: jsonAnswer('It has begun.', 'Rebuild', { headers: ['Location', 'RetryAfter'] }) },
    problems: ACT_PROBLEMS,
  },
  getRebuild: {
    tag: 'Operations',
    summary: 'The progress of the rebuild',
    answers: { 200: jsonAnswer('How far it is, or how the last one ended.', 'RebuildProgress') },
    problems: ['store-unavailable'],
  },
  startBackup: {
    tag: 'Operations',
    summary: 'Back up log, store and secrets',
    description:
      'Where both are files of the process that answers: copies them, while they are in use, into a folder of its DATA_DIR. The copy is consistent, and a product can be started on it. One at a time. Elsewhere it is refused.',
    headers: ['Operator'],
    body: {
      schema: 'BackupStart',
      required: false,
      examples: { example: { summary: 'With a name', value: { name: 'before-the-update' } } },
    },
    answers: { 202: jsonAnswer('It has begun.', 'Backup', { headers: ['Location', 'RetryAfter'] }) },
    problems: ACT_PROBLEMS,
  },
  getBackup: {
    tag: 'Operations',
    summary: 'The progress of the backup',
    answers: { 200: jsonAnswer('How far it is, or how the last one ended.', 'BackupProgress') },
  },
  resetLedger: {
    tag: 'Operations',
    summary: 'Begin a new epoch of the ledger',
    description:
      'For a log that was truncated or made anew: counts from where the log begins now, and reads again what the consumer has passed.',
    headers: ['Operator'],
    body: {
      schema: 'LedgerReset',
      required: false,
      examples: { example: { summary: 'Why', value: { reason: 'The topic was made anew.' } } },
    },
    answers: { 200: jsonAnswer('What was read again, and the verdict after it.', 'LedgerRepair') },
    problems: ACT_PROBLEMS,
  },
  takeOutRecord: {
    tag: 'Operations',
    summary: 'Take a record out of the way of its consumer',
    description:
      'For a record that the host cannot hand over, behind which every other one waits. It becomes a dead letter, the ledger counts it as parked, and the group goes on behind it. Nobody may be in the group meanwhile.',
    headers: ['Operator'],
    body: {
      schema: 'TakeOut',
      required: true,
      examples: {
        example: {
          summary: 'Where it is, and why',
          value: { record: 'orders:5:3', reason: 'Its timestamp ends the trigger.' },
        },
      },
    },
    answers: { 200: jsonAnswer('It is a dead letter now.', 'TakenOut') },
    problems: [...ACT_PROBLEMS, 'not-found'],
  },
  migrateStore: {
    tag: 'Operations',
    summary: 'Bring the schema up to date',
    description: 'Every start does so too.',
    answers: { 200: jsonAnswer('Every migration, and when it was run.', 'StoreSchema') },
    problems: ['conflict', 'store-unavailable'],
  },
  doctor: {
    tag: 'Operations',
    summary: 'What an operator would look at first',
    description: 'Versions, settings, log, store, disk and ledger. It reads through the files of the store.',
    answers: { 200: jsonAnswer('What was found.', 'Diagnosis') },
  },
} as const satisfies Partial<Record<RouteName, OperationDescription>>
