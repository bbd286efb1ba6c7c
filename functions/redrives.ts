import type { HttpRequest, HttpResponseInit } from '@azure/functions'
import type { Services } from '../shared/composition-root.ts'
import { OrderError } from '../shared/domain/errors.ts'
import { isDryRun } from '../shared/http/dry-run.ts'
import { FRESH, json, page } from '../shared/http/protocol/answer.ts'
import { readQuery } from '../shared/http/protocol/query.ts'
import { actBody, readAct } from '../shared/http/acts.ts'
import { toLetterFilter } from '../shared/http/dead-letters.ts'
import {
  listRedrivesQuery,
  MAX_PREVIEWED,
  redriveBody,
  redriveLetterBody,
  redriveLetterQuery,
  redriveQuery,
} from '../shared/http/redrives.ts'
import { httpTrigger, type ServiceHandler } from '../shared/triggers.ts'
import type { Act, NewRedrive } from '../shared/ports/redrives.ts'

/**
 * POST /api/dead-letters/redrive: sends all matching letters back to their original topic. A dry run returns the
 * expected outcome.
 */
httpTrigger('redriveDeadLetters', async (request, all) => {
  const query = readQuery(request.query, redriveQuery)
  const { body, act } = await readAct(request, redriveBody, all.config)
  const letters = toLetterFilter(body)
  if (!isDryRun(query, body)) return redrive({ letters, ratePerSecond: body.ratePerSecond }, act, all)
  return preview(letters, { limit: MAX_PREVIEWED, ...(query.cursor !== undefined && { cursor: query.cursor }) }, all)
})

/** POST /api/dead-letters/{id}/redrive: redrives one letter. */
httpTrigger('redriveDeadLetter', async (request, all) => {
  const query = readQuery(request.query, redriveLetterQuery)
  const { body, act } = await readAct(request, redriveLetterBody, all.config)
  const letters = { ids: [idIn(request)] }
  if (!isDryRun(query, body)) return redrive({ letters, ratePerSecond: 1 }, act, all)
  return preview(letters, { limit: 1 }, all)
})

async function preview(
  letters: NewRedrive['letters'],
  page: { limit: number; cursor?: string },
  { previewLetters, warnOfRedrive }: Services,
): Promise<HttpResponseInit> {
  const previews = await previewLetters(letters, page)
  return json(200, { ...previews, warning: await warnOfRedrive(letters) })
}

async function redrive(
  { letters, ratePerSecond }: Pick<NewRedrive, 'letters' | 'ratePerSecond'>,
  act: Act,
  { redrives, warnOfRedrive }: Services,
): Promise<HttpResponseInit> {
  const warning = await warnOfRedrive(letters)
  const task = await redrives.start(letters, ratePerSecond, act)
  return json(202, { ...task, warning }, { location: `/api/redrives/${task.id}`, 'retry-after': '1' })
}

/** GET /api/redrives: newest first. */
httpTrigger('listRedrives', async (request, { redriveTasks }) =>
  page(request, await redriveTasks.list(readQuery(request.query, listRedrivesQuery))),
)

/** GET /api/redrives/{id}: progress by outcome. */
httpTrigger('getRedrive', async (request, { redriveTasks }) => {
  const task = await redriveTasks.get(idIn(request))
  if (task === undefined) throw new OrderError('not-found', 'No redrive has this id.')
  return json(200, task, FRESH)
})

/** POST /api/redrives/{id}/cancel, POST /api/redrives/{id}/resume */
httpTrigger('cancelRedrive', changeTo('cancelled'))
httpTrigger('resumeRedrive', changeTo('running'))

function changeTo(state: 'cancelled' | 'running'): ServiceHandler {
  return async (request, { redriveTasks, config }) => {
    const { act } = await readAct(request, actBody, config)
    return json(200, await redriveTasks.change(idIn(request), state, act))
  }
}

function idIn(request: HttpRequest): string {
  return request.params['id'] ?? ''
}
