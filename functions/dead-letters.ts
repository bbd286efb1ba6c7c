import type { HttpRequest } from '@azure/functions'
import { OrderError } from '../shared/domain/errors.ts'
import { newOrderCommandSchema } from '../shared/domain/order-commands.ts'
import { unknownMembers } from '../shared/domain/unknown-members.ts'
import { actBody, actOf, readAct, readActBody, requiredReasonBody } from '../shared/http/acts.ts'
import {
  deadLetterGroupQuery,
  deadLetterQuery,
  discardBody,
  discardQuery,
  editQuery,
  requiredReason,
  toDeadLetterView,
  toFixture,
  toLetterFilter,
  withWaiting,
} from '../shared/http/dead-letters.ts'
import { isDryRun } from '../shared/http/dry-run.ts'
import { withIgnored } from '../shared/http/place-order.ts'
import { json, page } from '../shared/http/protocol/answer.ts'
import { readJson } from '../shared/http/protocol/json-body.ts'
import { readQuery } from '../shared/http/protocol/query.ts'
import { validated } from '../shared/http/protocol/validated.ts'
import type { DeadLetters, KeptDeadLetter } from '../shared/ports/dead-letters.ts'
import { httpTrigger } from '../shared/triggers.ts'

/** GET /api/dead-letters: newest first, without payloads. */
httpTrigger('listDeadLetters', async (request, { deadLetters, views }) => {
  const { cause, foreign, ...query } = readQuery(request.query, deadLetterQuery)
  const filters = {
    ...(cause !== undefined && { code: cause }),
    ...(foreign !== undefined && { foreign: foreign === 'true' }),
  }
  const { items, nextCursor } = await deadLetters.list({ ...query, ...filters })
  return page(request, { items: await withWaiting(items, views), nextCursor })
})

/** GET /api/dead-letters/groups: letters grouped by cause. */
httpTrigger('deadLetterGroups', async (request, { deadLetters }) =>
  page(request, await deadLetters.groups(readQuery(request.query, deadLetterGroupQuery))),
)

/** GET /api/dead-letters/{id}: one letter, with its payload and headers. */
httpTrigger('getDeadLetter', async (request, { deadLetters, views }) => {
  const [letter] = await withWaiting([toDeadLetterView(await existing(request, deadLetters))], views)
  return json(200, letter)
})

/** GET /api/dead-letters/{id}/fixture: the record as a file, for processing on a developer's machine. */
httpTrigger('deadLetterFixture', async (request, { deadLetters }) => {
  const letter = await existing(request, deadLetters)
  const name = `dead-letter-${letter.id.replaceAll(/[^\w.-]/g, '-')}.json`
  return json(200, toFixture(letter), { 'content-disposition': `attachment; filename="${name}"` })
})

/** PUT /api/dead-letters/{id}/payload: sends a corrected order in place of the letter and keeps the original. */
httpTrigger('editDeadLetter', async (request, { redrives, config }) => {
  const { reason } = readQuery(request.query, editQuery)
  const body = await readJson(request)
  const order = validated(newOrderCommandSchema, body, 'invalid-order')
  const edited = await redrives.edit(letterId(request), order, actOf(request, reason, config))
  return json(202, withIgnored(toDeadLetterView(edited), unknownMembers(body)))
})

/** POST /api/dead-letters/{id}/discard: discards the letter and records the reason. */
httpTrigger('discardDeadLetter', async (request, { redriveTasks, config }) => {
  const { act } = await readAct(request, requiredReasonBody, config)
  return json(200, toDeadLetterView(await redriveTasks.discard(letterId(request), act)))
})

/**
 * POST /api/dead-letters/discard: discards all matching letters, in as many requests as it takes. A dry run only counts
 * them.
 */
httpTrigger('discardDeadLetters', async (request, { discards, config }) => {
  const query = readQuery(request.query, discardQuery)
  const body = await readActBody(request, discardBody)
  const letters = toLetterFilter(body)
  if (isDryRun(query, body)) {
    return json(200, { dryRun: true, count: await discards.preview(letters), nextCursor: null })
  }
  const act = actOf(request, requiredReason(body), config)
  return json(200, { dryRun: false, ...(await discards.discard(letters, act, query.cursor)) })
})

/** POST /api/dead-letters/{id}/restore: restores a discarded letter. */
httpTrigger('restoreDeadLetter', async (request, { redriveTasks, config }) => {
  const { act } = await readAct(request, actBody, config)
  return json(200, toDeadLetterView(await redriveTasks.restore(letterId(request), act)))
})

function letterId(request: HttpRequest): string {
  return request.params['id'] ?? ''
}

async function existing(request: HttpRequest, deadLetters: DeadLetters): Promise<KeptDeadLetter> {
  const letter = await deadLetters.get(letterId(request))
  if (letter === undefined)
    throw new OrderError('dead-letter-not-found', 'No dead letter has this id, or it was settled and has been removed.')
  return letter
}
