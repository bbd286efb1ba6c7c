import { app, type HttpRequest, type HttpResponseInit } from '@azure/functions'
import { services, settings } from '../shared/composition-root.ts'
import { OrderError } from '../shared/domain/errors.ts'
import { json } from '../shared/http/answer.ts'
import { readQuery } from '../shared/http/query.ts'
import { actOf, readActBody } from '../shared/http/operator.ts'
import {
  actBody,
  MAX_PREVIEWED,
  redriveBody,
  redriveLetterBody,
  redriveQuery,
  toLetterFilter,
} from '../shared/http/redrive.ts'
import { httpTrigger } from '../shared/triggers.ts'
import type { NewRedrive, RedriveTask } from '../shared/ports/redrives.ts'

/** POST /api/dead-letters/redrive: all that match, back to where they came from; or, as a dry run, what would happen. */
async function redriveDeadLetters(request: HttpRequest): Promise<HttpResponseInit> {
  const body = await readActBody(request, redriveBody)
  return redrive(request, { letters: toLetterFilter(body), ...body })
}

/** POST /api/dead-letters/{id}/redrive: one of them. */
async function redriveDeadLetter(request: HttpRequest): Promise<HttpResponseInit> {
  const body = await readActBody(request, redriveLetterBody)
  const id = request.params['id'] ?? ''
  const { deadLetters } = await services()
  if ((await deadLetters.get(id)) === undefined)
    throw new OrderError('dead-letter-not-found', 'No dead letter has this id.')
  return redrive(request, { letters: { ids: [id] }, ratePerSecond: 1, ...body })
}

async function redrive(
  request: HttpRequest,
  asked: { letters: NewRedrive['letters']; ratePerSecond: number; dryRun: boolean; reason?: string | undefined },
): Promise<HttpResponseInit> {
  const { previewLetters, redrives } = await services()
  const { dryRun } = readQuery(request.query, redriveQuery)
  if (asked.dryRun || dryRun === 'true') {
    return json(200, { items: await previewLetters(asked.letters, MAX_PREVIEWED), nextCursor: null })
  }
  const act = actOf(request, asked.reason, settings().platformSignsIn)
  const task = await redrives.start(asked.letters, asked.ratePerSecond, act)
  return json(202, task, { location: `/api/redrives/${task.id}`, 'retry-after': '1' })
}

/** GET /api/redrives/{id}: progress, by outcome. */
async function getRedrive(request: HttpRequest): Promise<HttpResponseInit> {
  const { operations } = await services()
  const task = await operations.get(request.params['id'] ?? '')
  if (task === undefined) throw new OrderError('not-found', 'No redrive has this id.')
  return json(200, task, { 'cache-control': 'no-store' })
}

/** POST /api/redrives/{id}/cancel and /resume */
async function changeRedrive(request: HttpRequest, to: 'cancelled' | 'running'): Promise<HttpResponseInit> {
  const { operations } = await services()
  const { reason } = await readActBody(request, actBody)
  const task: RedriveTask = await operations.change(
    request.params['id'] ?? '',
    to,
    actOf(request, reason, settings().platformSignsIn),
  )
  return json(200, task)
}

app.http(
  'cancelRedrive',
  httpTrigger('cancelRedrive', (request) => changeRedrive(request, 'cancelled')),
)
app.http('getRedrive', httpTrigger('getRedrive', getRedrive))
app.http('redriveDeadLetter', httpTrigger('redriveDeadLetter', redriveDeadLetter))
app.http('redriveDeadLetters', httpTrigger('redriveDeadLetters', redriveDeadLetters))
app.http(
  'resumeRedrive',
  httpTrigger('resumeRedrive', (request) => changeRedrive(request, 'running')),
)
