import { app, type HttpRequest, type HttpResponseInit } from '@azure/functions'
import { services, settings } from '../shared/services.ts'
import { OrderError } from '../shared/domain/errors.ts'
import { json, page } from '../shared/http/protocol/answer.ts'
import { readQuery } from '../shared/http/protocol/query.ts'
import { actOf, readActBody } from '../shared/http/operator.ts'
import {
  actBody,
  listRedrivesQuery,
  MAX_PREVIEWED,
  redriveBody,
  redriveLetterBody,
  redriveLetterQuery,
  redriveQuery,
  toLetterFilter,
  withWarning,
} from '../shared/http/redrive.ts'
import { httpTrigger } from '../shared/triggers.ts'
import type { NewRedrive, RedriveTask } from '../shared/ports/redrives.ts'

/** POST /api/dead-letters/redrive: all that match, back to where they came from; or, as a dry run, what would happen. */
async function redriveDeadLetters(request: HttpRequest): Promise<HttpResponseInit> {
  const { dryRun, cursor } = readQuery(request.query, redriveQuery)
  const body = await readActBody(request, redriveBody)
  const letters = toLetterFilter(body)
  if (dryRun !== 'true' && !body.dryRun) return redrive(request, letters, body)
  return preview(letters, { limit: MAX_PREVIEWED, ...(cursor !== undefined && { cursor }) })
}

/** POST /api/dead-letters/{id}/redrive: one of them. */
async function redriveDeadLetter(request: HttpRequest): Promise<HttpResponseInit> {
  const { dryRun } = readQuery(request.query, redriveLetterQuery)
  const body = await readActBody(request, redriveLetterBody)
  const letters = { ids: [request.params['id'] ?? ''] }
  if (dryRun !== 'true' && !body.dryRun) return redrive(request, letters, { ratePerSecond: 1, ...body })
  return preview(letters, { limit: 1 })
}

async function preview(
  letters: NewRedrive['letters'],
  page: { limit: number; cursor?: string },
): Promise<HttpResponseInit> {
  const { previewLetters, warnOfRedrive } = await services()
  const previews = await previewLetters(letters, page)
  return json(200, withWarning(previews, await warnOfRedrive(letters)))
}

async function redrive(
  request: HttpRequest,
  letters: NewRedrive['letters'],
  { ratePerSecond, reason }: { ratePerSecond: number; reason?: string },
): Promise<HttpResponseInit> {
  const { redrives, warnOfRedrive } = await services()
  const act = actOf(request, reason, settings().platformSignsIn)
  const warning = await warnOfRedrive(letters)
  const task = await redrives.start(letters, ratePerSecond, act)
  return json(202, withWarning(task, warning), { location: `/api/redrives/${task.id}`, 'retry-after': '1' })
}

/** GET /api/redrives: newest first. */
async function listRedrives(request: HttpRequest): Promise<HttpResponseInit> {
  const { operations } = await services()
  return page(request, await operations.list(readQuery(request.query, listRedrivesQuery)))
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
app.http('listRedrives', httpTrigger('listRedrives', listRedrives))
app.http('redriveDeadLetter', httpTrigger('redriveDeadLetter', redriveDeadLetter))
app.http('redriveDeadLetters', httpTrigger('redriveDeadLetters', redriveDeadLetters))
app.http(
  'resumeRedrive',
  httpTrigger('resumeRedrive', (request) => changeRedrive(request, 'running')),
)
