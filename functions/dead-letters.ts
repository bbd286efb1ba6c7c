import { app, type HttpRequest, type HttpResponseInit } from '@azure/functions'
import { services } from '../shared/composition-root.ts'
import { OrderError } from '../shared/domain/errors.ts'
import { json, page } from '../shared/http/answer.ts'
import { deadLetterGroupQuery, deadLetterQuery, toDeadLetterView } from '../shared/http/dead-letters.ts'
import { readQuery } from '../shared/http/query.ts'
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

app.http('deadLetterGroups', httpTrigger('deadLetterGroups', deadLetterGroups))
app.http('getDeadLetter', httpTrigger('getDeadLetter', getDeadLetter))
app.http('listDeadLetters', httpTrigger('listDeadLetters', listDeadLetters))
