import type { RouteName } from '../../http/routes.ts'
import { jsonAnswer, NOT_MODIFIED, type Answer, type OperationDescription } from './operation.ts'
import { NOT_READY, STALLED } from '../examples/status-examples.ts'

/** The routes of operations, health and documentation. */

function text(description: string, ...types: readonly string[]): Answer {
  const content = Object.fromEntries(types.map((type) => [type, { schema: { type: 'string' } }]))
  return { description, headers: ['ETag'], content }
}

function document(summary: string, answer: Answer): OperationDescription {
  return { tag: 'Documentation', summary, headers: ['IfNoneMatch'], answers: { 200: answer, 304: NOT_MODIFIED } }
}

function jsonDocument(example: object): Answer {
  const content = { 'application/json': { schema: { type: 'object' }, example } }
  return { description: 'The document.', headers: ['ETag'], content }
}

export const SYSTEM_OPERATIONS = {
  opsStatus: {
    tag: 'Operations',
    summary: 'The pipeline in numbers',
    description: 'From log offsets and the store, so that any instance answers for all of them.',
    answers: { 200: jsonAnswer('Where the pipeline stands.', 'PipelineStatus') },
    problems: ['log-unavailable', 'store-unavailable'],
  },
  opsHistory: {
    tag: 'Operations',
    summary: 'The last hour in numbers',
    description:
      'A point every `everyMs`, oldest first, as the instance that answers saw it since its start. Moments in which the log or the store was away are missing.',
    answers: { 200: jsonAnswer('The last hour.', 'PipelineHistory') },
  },
  opsLedger: {
    tag: 'Operations',
    summary: 'Whether every order is accounted for',
    description: 'Every record of the orders topic has exactly one outcome; this says whether the figures agree.',
    answers: { 200: jsonAnswer('The verdict.', 'LedgerVerdict') },
    problems: ['log-unavailable', 'store-unavailable'],
  },
  repairLedger: {
    tag: 'Operations',
    summary: 'Store or park what was passed over',
    description: 'For at most some twenty seconds; when `more` is true, another repair goes on from there.',
    answers: { 200: jsonAnswer('What was done, and the verdict after it.', 'LedgerRepair') },
    problems: ['log-unavailable', 'store-unavailable', 'shutting-down'],
  },
  getFaults: {
    tag: 'Operations',
    summary: 'What is broken on purpose',
    description: 'Only in the embedded host with FAULTS=on.',
    answers: { 200: jsonAnswer('What is broken now.', 'FaultPlan') },
  },
  setFaults: {
    tag: 'Operations',
    summary: 'Break something on purpose',
    description: 'Only in the embedded host with FAULTS=on. What the body does not name is mended.',
    body: {
      schema: 'FaultPlan',
      required: false,
      examples: { storeDown: { summary: 'The store is down', value: { store: 'down' } } },
    },
    answers: { 200: jsonAnswer('What is broken now.', 'FaultPlan') },
    problems: ['malformed-json', 'invalid-request', 'payload-too-large', 'unsupported-media-type'],
  },
  metrics: {
    tag: 'Operations',
    summary: 'Metrics for Prometheus',
    description:
      'Counters and histograms of the instance that answers; lag, parked records and the ledger are the same from any. What is away is left out.',
    answers: {
      200: {
        description: 'The text exposition format.',
        content: { 'text/plain': { schema: { type: 'string' }, example: 'orders_accepted_total 42\n' } },
      },
    },
  },
  liveness: {
    tag: 'Health',
    summary: 'Whether a restart would help',
    description:
      'Asks nobody, so that no outage gets the process restarted. A process that consumes looks every half a minute whether it is handed the records that wait for it.',
    answers: {
      200: jsonAnswer('It would not.', 'Liveness'),
      503: jsonAnswer('Records wait, and the host hands this process none of them.', 'Liveness', { example: STALLED }),
    },
  },
  readiness: {
    tag: 'Health',
    summary: 'Whether requests can be served',
    description:
      'Covers only what this process’s functions cannot do without: placing orders needs the log alone. The rest is reported, with why.',
    answers: {
      200: jsonAnswer('Ready.', 'Readiness'),
      503: jsonAnswer('Not ready, and why.', 'Readiness', { example: NOT_READY }),
    },
  },
  openApi: document('This document', jsonDocument({ openapi: '3.1.1' })),
  asyncApi: document('The topics, as an AsyncAPI document', jsonDocument({ asyncapi: '3.0.0' })),
  docs: document('This reference, to read and to try', text('The page.', 'text/html')),
  docsErrors: document('What each problem means', text('The page.', 'text/html')),
  docsAsset: {
    ...document('What the pages are made of', text('The file.', 'text/css', 'text/javascript', 'image/svg+xml')),
    path: {
      asset: {
        description: 'The name of the file.',
        schema: { type: 'string', minLength: 1, maxLength: 100 },
        example: 'page.css',
      },
    },
    problems: ['not-found'],
  },
  dashboard: document('The pipeline, live', text('The page.', 'text/html')),
  dashboardAsset: {
    ...document('What the dashboard is made of', text('The file.', 'text/css', 'text/javascript')),
    path: {
      asset: {
        description: 'The name of the file.',
        schema: { type: 'string', minLength: 1, maxLength: 100 },
        example: 'main.js',
      },
    },
    problems: ['not-found'],
  },
  home: document('Where everything is', text('The page.', 'text/html')),
} as const satisfies Partial<Record<RouteName, OperationDescription>>
