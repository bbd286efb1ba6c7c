import { deadLetterGroupQuery, deadLetterQuery, discardQuery, editQuery } from '../../http/dead-letters.ts'
import { auditQuery } from '../../http/operations.ts'
import { listRedrivesQuery, redriveLetterQuery, redriveQuery } from '../../http/redrives.ts'
import type { ProblemCode } from '../../http/protocol/problem.ts'
import type { RouteName } from '../../http/routes.ts'
import { EXAMPLE_ORDER } from '../examples/examples.ts'
import {
  jsonAnswer,
  jsonBody,
  link,
  pageAnswer,
  type Links,
  type OperationDescription,
  type PathParameter,
} from './operation.ts'

/** Descriptions of the routes for dead letters and their repair. */

const LETTER_ID: PathParameter = {
  description: 'The origin of the letter, `topic:partition:offset`.',
  schema: { type: 'string', minLength: 1, maxLength: 300 },
  example: 'orders:0:42',
}
const TASK_ID: PathParameter = {
  description: 'The id that was returned when the redrive was started.',
  schema: { type: 'string', minLength: 1, maxLength: 100 },
}

const LETTER_PROBLEMS: readonly ProblemCode[] = ['dead-letter-not-found', 'store-unavailable']
const ACT_PROBLEMS: readonly ProblemCode[] = ['conflict', ...LETTER_PROBLEMS]
const TASK_ACT_PROBLEMS: readonly ProblemCode[] = ['conflict', 'not-found', 'store-unavailable']

const optionalReason = jsonBody('OptionalReason', {
  summary: 'With a reason',
  value: { reason: 'The address service was down.' },
})

/** Links from responses to possible follow-up requests. */
const ofThisTask: Links = { progress: link('getRedrive', 'id', '/id', 'The progress of the redrive.') }
const fromRedrives: Links = { newest: link('getRedrive', 'id', '/items/0/id', 'The newest redrive.') }
const fromPage: Links = {
  firstLetter: link('getDeadLetter', 'id', '/items/0/id', 'The first letter on the page, with its payload.'),
}
const fromGroups: Links = {
  letters: link('listDeadLetters', 'fingerprint', '/items/0/fingerprint', 'The letters of the first group.'),
  sample: link('getDeadLetter', 'id', '/items/0/sampleId', 'One letter of the first group.'),
}
const fromLetter: Links = {
  fixture: link('deadLetterFixture', 'id', '/id', 'The letter as a file.'),
  history: link(
    'orderHistory',
    'orderId',
    '/orderId',
    'The history of the dead letter’s order, if the letter names an order.',
  ),
  actions: link('audit', 'target', '/id', 'Operators’ actions on this dead letter.'),
}

const redriveAnswers = {
  200: jsonAnswer(
    'With `dryRun`: the outcome that each letter would have with today’s code, newest first.',
    'RedrivePreviewPage',
  ),
  202: jsonAnswer('The redrive has started.', 'RedriveTask', {
    headers: ['Location', 'RetryAfter'],
    links: ofThisTask,
  }),
}

export const DEAD_LETTER_OPERATIONS = {
  listDeadLetters: {
    summary: 'List dead letters',
    description: 'Newest first, without payloads.',
    query: deadLetterQuery,
    answers: { 200: pageAnswer('listDeadLetters', 'A page of dead letters.', 'DeadLetterPage', fromPage) },
    problems: ['store-unavailable'],
  },
  deadLetterGroups: {
    summary: 'Group dead letters by cause',
    description: 'Grouped by fingerprint, most recent first.',
    query: deadLetterGroupQuery,
    answers: { 200: pageAnswer('deadLetterGroups', 'A page of groups.', 'DeadLetterGroupPage', fromGroups) },
    problems: ['store-unavailable'],
  },
  getDeadLetter: {
    summary: 'Get a dead letter',
    description: 'With its payload and headers, byte for byte.',
    path: { id: LETTER_ID },
    answers: { 200: jsonAnswer('The dead letter.', 'DeadLetter', { links: fromLetter }) },
    problems: LETTER_PROBLEMS,
  },
  deadLetterFixture: {
    summary: 'Download a dead letter as a file',
    description: 'On a developer’s machine, `npm run ops -- replay-fixture` runs the file through the code.',
    path: { id: LETTER_ID },
    answers: {
      200: jsonAnswer('The record as a file.', 'DeadLetterFixture', { headers: ['ContentDisposition'] }),
    },
    problems: LETTER_PROBLEMS,
  },
  redriveDeadLetters: {
    summary: 'Redrive dead letters',
    description:
      'Sends the original bytes back to where they came from. The body must select the letters: those with the given ids, the dead ones that match a filter, or all dead ones. A redrive proceeds in steps and stops when letters keep failing. If the process exits, another process continues the redrive.',
    query: redriveQuery,
    headers: ['Operator'],
    body: jsonBody('Redrive', {
      required: true,
      summary: 'A dry run for the letters with one fingerprint',
      value: { fingerprint: '5f0c2d9be1a47730', dryRun: true },
    }),
    answers: redriveAnswers,
    problems: ACT_PROBLEMS,
  },
  redriveDeadLetter: {
    summary: 'Redrive one dead letter',
    path: { id: LETTER_ID },
    query: redriveLetterQuery,
    headers: ['Operator'],
    body: jsonBody('RedriveOne', { summary: 'A dry run', value: { dryRun: true } }),
    answers: redriveAnswers,
    problems: ACT_PROBLEMS,
  },
  editDeadLetter: {
    summary: 'Send a corrected order in place of a dead letter',
    description:
      'The original is kept. The corrected order takes the order id of the letter, which must be dead and name an order. Unknown members are left out and named in `ignored`.',
    path: { id: LETTER_ID },
    query: editQuery,
    headers: ['Operator'],
    body: jsonBody('OrderCommand', { required: true, summary: 'The corrected order', value: EXAMPLE_ORDER }),
    answers: { 202: jsonAnswer('Sent.', 'EditedDeadLetter') },
    problems: [...ACT_PROBLEMS, 'invalid-order', 'record-too-large', 'queue-full', 'log-unavailable', 'clock-wrong'],
  },
  discardDeadLetter: {
    summary: 'Discard a dead letter',
    description: 'The letter is kept and can be restored.',
    path: { id: LETTER_ID },
    headers: ['Operator'],
    body: jsonBody('RequiredReason', {
      required: true,
      summary: 'With a reason',
      value: { reason: 'A test order from the shop.' },
    }),
    answers: { 200: jsonAnswer('Discarded.', 'DeadLetter') },
    problems: ACT_PROBLEMS,
  },
  discardDeadLetters: {
    summary: 'Discard dead letters',
    description:
      'Discards the letters with the given ids, the dead ones that match a filter, or all dead ones. The body must select the letters and give a reason. Letters that become dead after the first request are not discarded. One request works for a few seconds; the next one continues from `nextCursor`. Every letter is kept and can be restored.',
    query: discardQuery,
    headers: ['Operator'],
    body: jsonBody('Discard', {
      required: true,
      summary: 'The letters with one fingerprint',
      value: { fingerprint: '5f0c2d9be1a47730', reason: 'Test orders from the shop.' },
    }),
    answers: {
      200: jsonAnswer('Discarded. With `dryRun`: the number of letters that would be discarded.', 'Discarded'),
    },
    problems: ACT_PROBLEMS,
  },
  restoreDeadLetter: {
    summary: 'Restore a discarded dead letter',
    path: { id: LETTER_ID },
    headers: ['Operator'],
    body: optionalReason,
    answers: { 200: jsonAnswer('The dead letter is `dead` again and can be repaired.', 'DeadLetter') },
    problems: ACT_PROBLEMS,
  },
  listRedrives: {
    summary: 'List redrives',
    description: 'Newest first, each with its progress by outcome.',
    query: listRedrivesQuery,
    answers: { 200: pageAnswer('listRedrives', 'A page of redrives.', 'RedriveTaskPage', fromRedrives) },
    problems: ['store-unavailable'],
  },
  getRedrive: {
    summary: 'Get the progress of a redrive',
    description: 'Counts letters by outcome: a letter counts once it is stored, not once it is sent.',
    path: { id: TASK_ID },
    answers: { 200: jsonAnswer('The redrive.', 'RedriveTask') },
    problems: ['not-found', 'store-unavailable'],
  },
  cancelRedrive: {
    summary: 'Cancel a redrive',
    path: { id: TASK_ID },
    headers: ['Operator'],
    body: optionalReason,
    answers: { 200: jsonAnswer('Cancelled. Letters that were already sent are still processed.', 'RedriveTask') },
    problems: TASK_ACT_PROBLEMS,
  },
  resumeRedrive: {
    summary: 'Resume a redrive',
    description: 'Continues a redrive that was cancelled or that stopped.',
    path: { id: TASK_ID },
    headers: ['Operator'],
    body: optionalReason,
    answers: { 200: jsonAnswer('Running.', 'RedriveTask') },
    problems: TASK_ACT_PROBLEMS,
  },
  audit: {
    summary: 'List operators’ actions',
    description: 'Newest first.',
    query: auditQuery,
    answers: { 200: pageAnswer('audit', 'A page of actions.', 'AuditPage') },
    problems: ['store-unavailable'],
  },
} as const satisfies Partial<Record<RouteName, OperationDescription>>
