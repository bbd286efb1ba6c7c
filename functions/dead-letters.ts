import { app, type HttpRequest, type HttpResponseInit } from '@azure/functions'
import { services, settings } from '../shared/services.ts'
import { OrderError } from '../shared/domain/errors.ts'
import { unknownMembers } from '../shared/domain/unknown-members.ts'
import {
  auditQuery,
  deadLetterGroupQuery,
  deadLetterQuery,
  toDeadLetterView,
  toFixture,
} from '../shared/http/dead-letters.ts'
import { actOf, readActBody } from '../shared/http/operator.ts'
import { readCommand, withIgnored } from '../shared/http/place-order.ts'
import { json, page } from '../shared/http/protocol/answer.ts'
import { readJson } from '../shared/http/protocol/json-body.ts'
import { readQuery } from '../shared/http/protocol/query.ts'
import {
  actBody,
  discardBody,
  discardQuery,
  editQuery,
  requiredReason,
  requiredReasonBody,
  toLetterFilter,
} from '../shared/http/redrive.ts'
import { httpTrigger } from '../shared/triggers.ts'

/** GET /api/dead-letters: newest first, without payloads. */
async function listDeadLetters(request: HttpRequest): Promise<HttpResponseInit> {
  const { deadLetters } = await services()
  const { cause, foreign, ...query } = readQuery(request.query, deadLetterQuery)
  const filters = {
    ...(cause !== undefined && { code: cause }),
    ...(foreign !== undefined && { foreign: foreign === 'true' }),
  }
  return page(request, await deadLetters.list({ ...query, ...filters }))
}

/** GET /api/dead-letters/groups: letters that died of the same thing. */
async function deadLetterGroups(request: HttpRequest): Promise<HttpResponseInit> {
  const { deadLetters } = await services()
  return page(request, await deadLetters.groups(readQuery(request.query, deadLetterGroupQuery)))
}

/** GET /api/dead-letters/{id}: one, with its payload and headers. */
async function getDeadLetter(request: HttpRequest): Promise<HttpResponseInit> {
  const { deadLetters } = await services()
  const letter = await deadLetters.get(request.params['id'] ?? '')
  if (letter === undefined) throw new OrderError('dead-letter-not-found', 'No dead letter has this id.')
  return json(200, toDeadLetterView(letter))
}

const letterId = (request: HttpRequest): string => request.params['id'] ?? ''

/** PUT /api/dead-letters/{id}/payload: sends a mended order in the letter's place; the original is kept. */
async function editDeadLetter(request: HttpRequest): Promise<HttpResponseInit> {
  const { redrives } = await services()
  const { reason } = readQuery(request.query, editQuery)
  const body = await readJson(request)
  const order = readCommand(body)
  const act = actOf(request, reason, settings().platformSignsIn)
  const edited = await redrives.edit(letterId(request), order, act)
  return json(202, withIgnored(toDeadLetterView(edited), unknownMembers(body)))
}

/** POST /api/dead-letters/{id}/discard: it is dead for good, and why. */
async function discardDeadLetter(request: HttpRequest): Promise<HttpResponseInit> {
  const { operations } = await services()
  const { reason } = await readActBody(request, requiredReasonBody)
  const act = actOf(request, reason, settings().platformSignsIn)
  return json(200, toDeadLetterView(await operations.discard(letterId(request), act)))
}

/** POST /api/dead-letters/discard: all that match, in parts; or, as a dry run, how many there are. */
async function discardDeadLetters(request: HttpRequest): Promise<HttpResponseInit> {
  const { discards } = await services()
  const { dryRun, cursor } = readQuery(request.query, discardQuery)
  const body = await readActBody(request, discardBody)
  const letters = toLetterFilter(body)
  if (dryRun === 'true' || body.dryRun) {
    return json(200, { dryRun: true, count: await discards.preview(letters), nextCursor: null })
  }
  const act = actOf(request, requiredReason(body), settings().platformSignsIn)
  return json(200, { dryRun: false, ...(await discards.discard(letters, act, cursor)) })
}

/** POST /api/dead-letters/{id}/restore: takes a discard back. */
async function restoreDeadLetter(request: HttpRequest): Promise<HttpResponseInit> {
  const { operations } = await services()
  const { reason } = await readActBody(request, actBody)
  const act = actOf(request, reason, settings().platformSignsIn)
  return json(200, toDeadLetterView(await operations.restore(letterId(request), act)))
}

/** GET /api/dead-letters/{id}/fixture: the record as a file, to run it again on a developer's machine. */
async function deadLetterFixture(request: HttpRequest): Promise<HttpResponseInit> {
  const { deadLetters } = await services()
  const letter = await deadLetters.get(letterId(request))
  if (letter === undefined) throw new OrderError('dead-letter-not-found', 'No dead letter has this id.')
  const name = `dead-letter-${letter.id.replaceAll(/[^\w.-]/g, '-')}.json`
  return json(200, toFixture(letter), { 'content-disposition': `attachment; filename="${name}"` })
}

/** GET /api/audit: who did what, newest first. */
async function audit(request: HttpRequest): Promise<HttpResponseInit> {
  const { operations } = await services()
  return page(request, await operations.audit(readQuery(request.query, auditQuery)))
}

app.http('audit', httpTrigger('audit', audit))
app.http('deadLetterFixture', httpTrigger('deadLetterFixture', deadLetterFixture))
app.http('deadLetterGroups', httpTrigger('deadLetterGroups', deadLetterGroups))
app.http('discardDeadLetter', httpTrigger('discardDeadLetter', discardDeadLetter))
app.http('discardDeadLetters', httpTrigger('discardDeadLetters', discardDeadLetters))
app.http('editDeadLetter', httpTrigger('editDeadLetter', editDeadLetter))
app.http('getDeadLetter', httpTrigger('getDeadLetter', getDeadLetter))
app.http('listDeadLetters', httpTrigger('listDeadLetters', listDeadLetters))
app.http('restoreDeadLetter', httpTrigger('restoreDeadLetter', restoreDeadLetter))
