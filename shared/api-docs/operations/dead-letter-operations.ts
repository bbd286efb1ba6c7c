import { deadLetterGroupQuery, deadLetterQuery, discardQuery, editQuery } from '../../http/dead-letters.ts'
import { auditQuery } from '../../http/operations.ts'
import { listRedrivesQuery, redriveLetterQuery, redriveQuery } from '../../http/redrives.ts'
import type { ProblemCode } from '../../http/protocol/problem.ts'
import type { RouteName } from '../../http/routes.ts'
import { EXAMPLE_ORDER } from '../examples/examples.ts'
import {
  jsonAnswer,
  nextPage,
  type Links,
  type OperationDescription,
  type PathParameter,
  type RequestBody,
} from './operation.ts'
import type { SchemaName } from '../schemas/schemas.ts'

/** The routes of dead letters and their repair. */

const LETTER_ID: PathParameter = {
  description: 'Its origin, `topic:partition:offset`.',
  schema: { type: 'string', minLength: 1, maxLength: 300 },
  example: 'orders:0:42',
}
const TASK_ID: PathParameter = {
  description: 'As the redrive gave it.',
  schema: { type: 'string', minLength: 1, maxLength: 100 },
}

const ONE_PROBLEMS: readonly ProblemCode[] = ['dead-letter-not-found', 'store-unavailable']
const ACT_PROBLEMS: readonly ProblemCode[] = [
  'malformed-json',
  'invalid-request',
  'conflict',
  'payload-too-large',
  'unsupported-media-type',
  'store-unavailable',
]

function body(schema: SchemaName, required: boolean, summary: string, value: unknown): RequestBody {
  return { schema, required, examples: { example: { summary, value } } }
}

const withReason = body('OptionalReason', false, 'Why', { reason: 'The address service was down.' })

/** From answers to what may be asked next. */
const ofThisTask: Links = {
  progress: {
    operationId: 'getRedrive',
    description: 'How far it is.',
    parameters: { id: '$response.body#/id' },
  },
}
const ofNewestTask: Links[string] = {
  operationId: 'getRedrive',
  description: 'The newest task by itself.',
  parameters: { id: '$response.body#/items/0/id' },
}
const fromPage: Links = {
  nextPage: nextPage('listDeadLetters'),
  firstLetter: {
    operationId: 'getDeadLetter',
    description: 'The first letter of the page, with its payload.',
    parameters: { id: '$response.body#/items/0/id' },
  },
}
const fromGroups: Links = {
  nextPage: nextPage('deadLetterGroups'),
  letters: {
    operationId: 'listDeadLetters',
    description: 'The letters of the first group.',
    parameters: { fingerprint: '$response.body#/items/0/fingerprint' },
  },
  sample: {
    operationId: 'getDeadLetter',
    description: 'One letter of the first group.',
    parameters: { id: '$response.body#/items/0/sampleId' },
  },
}
const fromLetter: Links = {
  fixture: {
    operationId: 'deadLetterFixture',
    description: 'The letter as a file.',
    parameters: { id: '$response.body#/id' },
  },
  history: {
    operationId: 'orderHistory',
    description: 'What happened to its order, when it names one.',
    parameters: { orderId: '$response.body#/orderId' },
  },
  actions: {
    operationId: 'audit',
    description: 'What operators did to it.',
    parameters: { target: '$response.body#/id' },
  },
}

const redriveAnswers = {
  200: jsonAnswer(
    'With `dryRun`: what today’s code would make of each, newest first; the next page has `cursor`.',
    'RedrivePreviewPage',
  ),
  202: jsonAnswer('A task has begun.', 'RedriveTask', { headers: ['Location', 'RetryAfter'], links: ofThisTask }),
}

export const DEAD_LETTER_OPERATIONS = {
  listDeadLetters: {
    tag: 'Dead letters',
    summary: 'List dead letters',
    description: 'Newest first, without payloads.',
    query: deadLetterQuery,
    answers: { 200: jsonAnswer('A page of dead letters.', 'DeadLetterPage', { headers: ['Link'], links: fromPage }) },
    problems: ['invalid-request', 'store-unavailable'],
  },
  deadLetterGroups: {
    tag: 'Dead letters',
    summary: 'Dead letters by what they died of',
    description: 'Grouped by fingerprint, most recent first.',
    query: deadLetterGroupQuery,
    answers: { 200: jsonAnswer('A page of groups.', 'DeadLetterGroupPage', { headers: ['Link'], links: fromGroups }) },
    problems: ['invalid-request', 'store-unavailable'],
  },
  getDeadLetter: {
    tag: 'Dead letters',
    summary: 'One dead letter',
    description: 'With its payload and headers, byte for byte.',
    path: { id: LETTER_ID },
    answers: { 200: jsonAnswer('The dead letter.', 'DeadLetter', { links: fromLetter }) },
    problems: ONE_PROBLEMS,
  },
  deadLetterFixture: {
    tag: 'Dead letters',
    summary: 'A dead letter as a file',
    description: 'To run the record through the code on a developer’s machine.',
    path: { id: LETTER_ID },
    answers: {
      200: jsonAnswer('The record as a file.', 'DeadLetterFixture', { headers: ['ContentDisposition'] }),
    },
    problems: ONE_PROBLEMS,
  },
  redriveDeadLetters: {
    tag: 'Dead letters',
    summary: 'Redrive dead letters',
    description:
      'Sends the original bytes back to where they came from: those with the given ids, or the dead ones that match, or all of them. The body must say which. It goes in steps, stops itself when they keep failing, and any live process carries it on.',
    query: redriveQuery,
    headers: ['Operator'],
    body: body('Redrive', true, 'Those that died of one thing, as a dry run', {
      fingerprint: '5f0c2d9be1a47730',
      dryRun: true,
    }),
    answers: redriveAnswers,
    problems: [...ACT_PROBLEMS, 'dead-letter-not-found'],
  },
  redriveDeadLetter: {
    tag: 'Dead letters',
    summary: 'Redrive one dead letter',
    path: { id: LETTER_ID },
    query: redriveLetterQuery,
    headers: ['Operator'],
    body: body('RedriveOne', false, 'A dry run', { dryRun: true }),
    answers: redriveAnswers,
    problems: [...ACT_PROBLEMS, 'dead-letter-not-found'],
  },
  editDeadLetter: {
    tag: 'Dead letters',
    summary: 'Send a mended order in its place',
    description:
      'The original is kept. The mended order takes the order id of the letter, which must be dead and name an order. Members that an order does not have are left out and named in `ignored`.',
    path: { id: LETTER_ID },
    query: editQuery,
    headers: ['Operator'],
    body: body('OrderCommand', true, 'The mended order', EXAMPLE_ORDER),
    answers: { 202: jsonAnswer('Sent.', 'EditedDeadLetter') },
    problems: [
      ...ACT_PROBLEMS,
      'invalid-order',
      'dead-letter-not-found',
      'record-too-large',
      'queue-full',
      'log-unavailable',
      'clock-wrong',
    ],
  },
  discardDeadLetter: {
    tag: 'Dead letters',
    summary: 'Discard a dead letter',
    description: 'It stays on record, and can be restored.',
    path: { id: LETTER_ID },
    headers: ['Operator'],
    body: body('RequiredReason', true, 'Why', { reason: 'A test order of the shop.' }),
    answers: { 200: jsonAnswer('Discarded.', 'DeadLetter') },
    problems: [...ACT_PROBLEMS, 'dead-letter-not-found'],
  },
  discardDeadLetters: {
    tag: 'Dead letters',
    summary: 'Discard dead letters',
    description:
      'Gives up the letters with the given ids, or the dead ones that match, or all of them. The body must say which, and why. Letters that die after the act began are not discarded. One request works for some seconds; `nextCursor` goes on. Each stays on record, and can be restored.',
    query: discardQuery,
    headers: ['Operator'],
    body: body('Discard', true, 'Those that died of one thing', {
      fingerprint: '5f0c2d9be1a47730',
      reason: 'Test orders of the shop.',
    }),
    answers: { 200: jsonAnswer('Discarded; or, with `dryRun`, how many would be.', 'Discarded') },
    problems: [...ACT_PROBLEMS, 'dead-letter-not-found'],
  },
  restoreDeadLetter: {
    tag: 'Dead letters',
    summary: 'Take a discard back',
    path: { id: LETTER_ID },
    headers: ['Operator'],
    body: withReason,
    answers: { 200: jsonAnswer('Dead again, to be repaired.', 'DeadLetter') },
    problems: [...ACT_PROBLEMS, 'dead-letter-not-found'],
  },
  listRedrives: {
    tag: 'Dead letters',
    summary: 'List redrives',
    description: 'Newest first, each with its progress by outcome.',
    query: listRedrivesQuery,
    answers: {
      200: jsonAnswer('A page of tasks.', 'RedriveTaskPage', {
        headers: ['Link'],
        links: { nextPage: nextPage('listRedrives'), newest: ofNewestTask },
      }),
    },
    problems: ['invalid-request', 'store-unavailable'],
  },
  getRedrive: {
    tag: 'Dead letters',
    summary: 'The progress of a redrive',
    description: 'By outcome: progress is what was stored, not what was sent.',
    path: { id: TASK_ID },
    answers: { 200: jsonAnswer('The task.', 'RedriveTask') },
    problems: ['not-found', 'store-unavailable'],
  },
  cancelRedrive: {
    tag: 'Dead letters',
    summary: 'Cancel a redrive',
    path: { id: TASK_ID },
    headers: ['Operator'],
    body: withReason,
    answers: { 200: jsonAnswer('Cancelled; what was sent stays sent.', 'RedriveTask') },
    problems: [...ACT_PROBLEMS, 'not-found'],
  },
  resumeRedrive: {
    tag: 'Dead letters',
    summary: 'Resume a redrive',
    description: 'One that was cancelled, or that stopped itself.',
    path: { id: TASK_ID },
    headers: ['Operator'],
    body: withReason,
    answers: { 200: jsonAnswer('Running.', 'RedriveTask') },
    problems: [...ACT_PROBLEMS, 'not-found'],
  },
  audit: {
    tag: 'Dead letters',
    summary: 'Who did what',
    description: 'Every action of operators, newest first.',
    query: auditQuery,
    answers: {
      200: jsonAnswer('A page of actions.', 'AuditPage', {
        headers: ['Link'],
        links: { nextPage: nextPage('audit') },
      }),
    },
    problems: ['invalid-request', 'store-unavailable'],
  },
} as const satisfies Partial<Record<RouteName, OperationDescription>>
