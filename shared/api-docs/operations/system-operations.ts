import type { RouteName } from '../../http/routes.ts'
import { jsonAnswer, jsonBody, NOT_MODIFIED, type Answer, type OperationDescription } from './operation.ts'
import { NOT_READY, STALLED } from '../examples/status-examples.ts'

/** Descriptions of the routes for the pipeline's figures, faults, health and documentation. */

function text(description: string, ...types: readonly string[]): Answer {
  const content = Object.fromEntries(types.map((type) => [type, { schema: { type: 'string' } }]))
  return { description, headers: ['ETag'], content }
}

function document(summary: string, answer: Answer): OperationDescription {
  return { summary, headers: ['IfNoneMatch'], answers: { 200: answer, 304: NOT_MODIFIED } }
}

function jsonDocument(example: object): Answer {
  const content = { 'application/json': { schema: { type: 'object' }, example } }
  return { description: 'The document.', headers: ['ETag'], content }
}

function asset(example: string, description: OperationDescription): OperationDescription {
  const schema = { type: 'string', minLength: 1, maxLength: 100 }
  return {
    ...description,
    path: { asset: { description: 'The name of the file.', schema, example } },
    problems: ['not-found'],
  }
}

export const SYSTEM_OPERATIONS = {
  opsStatus: {
    summary: 'Get the pipeline in numbers',
    description: 'Computed from log offsets and the store, so every instance returns the same numbers.',
    answers: { 200: jsonAnswer('The state of the pipeline.', 'PipelineStatus') },
    problems: ['log-unavailable', 'store-unavailable'],
  },
  opsHistory: {
    summary: 'Get the last hour in numbers',
    description:
      'One point every `everyMs` milliseconds, oldest first. The points were recorded by the instance that answers, since it started. Points at which the log or the store was unavailable are missing.',
    answers: { 200: jsonAnswer('The last hour.', 'PipelineHistory') },
  },
  opsStorage: {
    summary: 'Get the disk usage, and how far back the log reaches',
    description: 'Sizes are null for a log on Kafka and a store on SQL Server, because their own servers report them.',
    answers: { 200: jsonAnswer('The disk usage of the log and the store.', 'PipelineStorage') },
    problems: ['log-unavailable'],
  },
  opsLedger: {
    summary: 'Check that every order is accounted for',
    description:
      'Every record of the orders topic has exactly one outcome. The verdict says whether the figures add up.',
    answers: { 200: jsonAnswer('The verdict.', 'LedgerVerdict') },
    problems: ['log-unavailable', 'store-unavailable'],
  },
  repairLedger: {
    summary: 'Store or park records that were passed over',
    description:
      'Works for at most about twenty seconds. If `more` is true, the next repair continues where this one stopped.',
    answers: { 200: jsonAnswer('The number of records processed, and the verdict afterwards.', 'LedgerRepair') },
    problems: ['log-unavailable', 'store-unavailable', 'shutting-down'],
  },
  getFaults: {
    summary: 'Get the active faults',
    description: 'Only in the embedded host with FAULTS=on.',
    answers: { 200: jsonAnswer('The active faults.', 'FaultPlan') },
  },
  setFaults: {
    summary: 'Break something on purpose',
    description: 'Available only in the embedded host with FAULTS=on. Ends every fault that the body does not name.',
    body: jsonBody('FaultPlan', { summary: 'The store is down', value: { store: 'down' } }),
    answers: { 200: jsonAnswer('The active faults.', 'FaultPlan') },
  },
  metrics: {
    summary: 'Get metrics for Prometheus',
    description:
      'Counters and histograms are those of the instance that answers. Every instance reports the same lag, parked records and ledger. Metrics of an unavailable log or store are left out.',
    answers: {
      200: {
        description: 'The text exposition format.',
        content: { 'text/plain': { schema: { type: 'string' }, example: 'orders_accepted_total 42\n' } },
      },
    },
  },
  liveness: {
    summary: 'Check whether a restart would help',
    description:
      'Queries neither the log nor the store, so that an outage of either does not restart the process. A process with consumers checks twice a minute whether it is receiving the records that are waiting for it.',
    answers: {
      200: jsonAnswer('A restart would not help.', 'Liveness'),
      503: jsonAnswer('Records are waiting, and the host delivers none of them to this process.', 'Liveness', {
        example: STALLED,
      }),
    },
  },
  readiness: {
    summary: 'Check whether requests can be served',
    description:
      'The process is ready if everything that its HTTP functions need is available. Placing orders needs only the log. Anything else that is unavailable is reported with its cause.',
    answers: {
      200: jsonAnswer('Ready.', 'Readiness'),
      503: jsonAnswer('Not ready, with the reason.', 'Readiness', { example: NOT_READY }),
    },
  },
  openApi: document('Get this document', jsonDocument({ openapi: '3.1.1' })),
  asyncApi: document('Get the AsyncAPI document of the topics', jsonDocument({ asyncapi: '3.0.0' })),
  docs: document('Show this reference', text('The page.', 'text/html')),
  docsErrors: document('Explain each problem', text('The page.', 'text/html')),
  docsAsset: asset(
    'page.css',
    document(
      'Get a script, stylesheet or image that the pages use',
      text('The file.', 'text/css', 'text/javascript', 'image/svg+xml'),
    ),
  ),
  dashboard: document('Show the dashboard', text('The page.', 'text/html')),
  dashboardAsset: asset(
    'main.js',
    document('Get a script or stylesheet of the dashboard', text('The file.', 'text/css', 'text/javascript')),
  ),
  home: document('Show the home page', text('The page.', 'text/html')),
} as const satisfies Partial<Record<RouteName, OperationDescription>>
