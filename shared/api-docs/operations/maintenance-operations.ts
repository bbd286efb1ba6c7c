import { EXAMPLE_ARCHIVED, EXAMPLE_HASH, EXAMPLE_ORDER_ID } from '../examples/examples.ts'
import { CHANGE_ID } from './change-operations.ts'
import type { ProblemCode } from '../../http/protocol/problem.ts'
import { exportQuery } from '../../http/archive.ts'
import type { RouteName } from '../../http/routes.ts'
import { forgetQuery } from '../../http/customers.ts'
import { jsonAnswer, jsonBody, pageAnswer, type OperationDescription, type PathParameter } from './operation.ts'

/** Descriptions of the routes that maintain the log and the store. */

const ACT_PROBLEMS: readonly ProblemCode[] = [
  'conflict',
  'log-unavailable',
  'log-unreadable',
  'store-unavailable',
  'shutting-down',
]

const CUSTOMER_ID: PathParameter = {
  description: 'The `customerId` of the orders.',
  schema: { type: 'integer', format: 'int64', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
  example: '48213',
}

export const MAINTENANCE_OPERATIONS = {
  rebuildOrders: {
    summary: 'Rebuild the orders from the log',
    description:
      'Builds a second set of tables. The live tables answer queries and take new orders until the new tables replace them. Only one rebuild runs at a time; a failed one can be started again.',
    headers: ['Operator'],
    body: jsonBody('OptionalReason', { summary: 'With a reason', value: { reason: 'The event has a new version.' } }),
    answers: { 202: jsonAnswer('The rebuild has started.', 'Rebuild', { headers: ['Location', 'RetryAfter'] }) },
    problems: ACT_PROBLEMS,
  },
  getRebuild: {
    summary: 'Get the progress of the rebuild',
    answers: { 200: jsonAnswer('The progress, or how the last rebuild ended.', 'RebuildProgress') },
    problems: ['store-unavailable'],
  },
  startBackup: {
    summary: 'Back up the log, the store and the secrets',
    description:
      'Copies the files of the process that answers the request, while they are in use, into a folder in its DATA_DIR. The copy is consistent, and the product can be started from it. Only one backup runs at a time. Refused if this process does not keep both the log and the store in files.',
    headers: ['Operator'],
    body: jsonBody('BackupStart', { summary: 'With a name', value: { name: 'before-the-update' } }),
    answers: { 202: jsonAnswer('The backup has started.', 'Backup', { headers: ['Location', 'RetryAfter'] }) },
    problems: ACT_PROBLEMS,
  },
  getBackup: {
    summary: 'Get the progress of the backup',
    answers: { 200: jsonAnswer('The progress, or how the last backup ended.', 'BackupProgress') },
  },
  exportOrders: {
    summary: 'Export orders for an archive',
    description:
      'Whole orders that were accepted before the given time and that only an operator can still change, each with its changes and its history. A page may be empty even if more pages follow. `ops archive` writes the orders to files.',
    query: exportQuery,
    answers: {
      200: pageAnswer('exportOrders', 'A page of orders, each with the hash of its JSON.', 'ExportedOrderPage'),
    },
    problems: ['conflict', 'store-unavailable'],
  },
  archiveOrders: {
    summary: 'Remove archived orders from the store',
    description:
      'Deletes the orders, but keeps their ids, positions and hashes. An order that has changed since it was exported stays in the store, and `changed` names it. After a failure, send the request again: orders that were already archived count as `known`. Refused while a rebuild runs.',
    headers: ['Operator'],
    body: jsonBody('ArchiveOrders', {
      required: true,
      summary: 'The name of the file, and the orders in it',
      value: {
        file: 'orders-20260515T093000Z-0001.ndjson.gz',
        orders: [{ orderId: EXAMPLE_ORDER_ID, hash: EXAMPLE_HASH }],
        reason: 'Older than seven years.',
      },
    }),
    answers: { 200: jsonAnswer('The number of orders that were removed.', 'ArchivedOrders') },
    problems: ACT_PROBLEMS,
  },
  restoreOrders: {
    summary: 'Restore orders from an archive',
    description:
      'Restores each order with its changes and its history. An order that is already in the store stays as it is. Refused while a rebuild runs.',
    headers: ['Operator'],
    body: jsonBody('RestoreOrders', {
      required: true,
      summary: 'Documents as they were exported',
      value: { source: 'orders-20260515T093000Z-0001.ndjson.gz', orders: [EXAMPLE_ARCHIVED] },
    }),
    answers: { 200: jsonAnswer('The number of orders that were restored.', 'RestoredOrders') },
    problems: ACT_PROBLEMS,
  },
  resetLedger: {
    summary: 'Begin a new epoch of the ledger',
    description:
      'For a log that was truncated or recreated. Counting restarts at the first record that the log now has, and records that the consumer has already passed are read again.',
    headers: ['Operator'],
    body: jsonBody('LedgerReset', { summary: 'With a reason', value: { reason: 'The topic was recreated.' } }),
    answers: { 200: jsonAnswer('The number of records read again, and the verdict afterwards.', 'LedgerRepair') },
    problems: ACT_PROBLEMS,
  },
  takeOutRecord: {
    summary: 'Turn a record that blocks its consumer into a dead letter',
    description:
      'For a record that the host cannot deliver and that therefore blocks every record behind it. The record becomes a dead letter, the ledger counts it as parked, and the group continues after it. The group must have no members during this request.',
    headers: ['Operator'],
    body: jsonBody('TakeOut', {
      required: true,
      summary: 'The position of the record, and a reason',
      value: { record: 'orders:5:3', reason: 'The Kafka trigger cannot read its timestamp.' },
    }),
    answers: { 200: jsonAnswer('The record is now a dead letter.', 'TakenOut') },
    problems: [...ACT_PROBLEMS, 'not-found'],
  },
  forgetGroup: {
    summary: 'Forget a consumer group',
    description:
      'For a group that read the embedded log and will not return. With `LOG_RETENTION`, the records that it has not read may then leave the log. Refused for the product’s own groups and for a group that is reading now. Also refused with Kafka, whose brokers remove records whether or not groups have read them.',
    headers: ['Operator'],
    body: jsonBody('ForgetGroup', {
      required: true,
      summary: 'The group, and a reason',
      value: { group: 'audit', reason: 'That program was shut down for good.' },
    }),
    answers: { 200: jsonAnswer('The log no longer keeps any records for this group.', 'ForgottenGroup') },
    problems: [...ACT_PROBLEMS, 'invalid-request', 'not-found'],
  },
  forgetCustomer: {
    summary: 'Forget a customer',
    description:
      'Removes the customer’s names, e-mail address and addresses from orders, changes, dead letters, the search and the embedded log, together with `reference`, `metadata` and the reasons for cancellations. Ids, amounts and items stay. An order that was accepted before the request is stored without this data even if it is stored only later; an order that is accepted after the request is not affected and keeps its data. With Kafka, `log` says until when the topics keep the records. `remains` says where personal data still is, such as in the transaction log of SQL Server. An unknown customer is not an error: there is nothing to remove, and the request is remembered. A response means that everything is done; if there is none, repeat the request. A repeat that reaches the same instance while the first request is running waits for it and gets the same response. Archives are not covered.',
    path: { customerId: CUSTOMER_ID },
    query: forgetQuery,
    headers: ['Operator'],
    body: jsonBody('ForgetCustomer', {
      required: true,
      summary: 'With a reason',
      value: { reason: 'The customer asked for it.' },
    }),
    answers: { 200: jsonAnswer('What was removed; with `dryRun`, what would be.', 'ForgottenCustomer') },
    problems: [...ACT_PROBLEMS, 'invalid-request'],
  },
  discardChange: {
    summary: 'Discard a waiting change',
    description:
      'For a change whose order never arrives. The changes behind it then take their turn. Refused while the order may still arrive: while the order, or an earlier change to it, is being retried or is dead, or while the ledger has not accounted for every record that is older than the change.',
    path: { changeId: CHANGE_ID },
    headers: ['Operator'],
    body: jsonBody('RequiredReason', {
      required: true,
      summary: 'With a reason',
      value: { reason: 'The record of its order was deleted from the topic.' },
    }),
    answers: { 200: jsonAnswer('The change is discarded.', 'OrderChange') },
    problems: [...ACT_PROBLEMS, 'invalid-request', 'change-not-found'],
  },
  migrateStore: {
    summary: 'Bring the schema and the topics up to date',
    description:
      'Every startup also brings the schema up to date, but only this request sets the `retention.ms` of existing topics to LOG_RETENTION. It leaves their other settings unchanged, and is refused if waiting records would be lost.',
    answers: { 200: jsonAnswer('Every migration, when it ran, and the topics that were changed.', 'StoreSchema') },
    problems: ['conflict', 'store-unavailable', 'log-unavailable'],
  },
  doctor: {
    summary: 'Run the checks that an operator would start with',
    description:
      'Checks the versions, the settings, the log, the store, the disk and the ledger. Reads all of the store’s files.',
    answers: { 200: jsonAnswer('The result of every check.', 'Diagnosis') },
  },
} as const satisfies Partial<Record<RouteName, OperationDescription>>
