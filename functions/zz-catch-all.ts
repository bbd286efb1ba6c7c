import { app, type HttpMethod, type HttpRequest, type HttpResponseInit } from '@azure/functions'
import { settings } from '../shared/composition-root.ts'
import { OrderError } from '../shared/domain/errors.ts'
import { endpoint } from '../shared/http/endpoint.ts'
import { toProblem } from '../shared/http/problem.ts'
import { allowedMethods } from '../shared/http/routes.ts'
import { reportFault } from '../shared/triggers.ts'

/**
 * Whatever no other function takes: 405 with Allow where the path is known, else 404. The runtime tries functions by
 * name, so this one's name and file come last.
 */
const ALL: HttpMethod[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT']

async function catchAll(request: HttpRequest): Promise<HttpResponseInit> {
  const { pathname } = new URL(request.url)
  const { disabledFunctions, faults } = settings()
  const isServed = (name: string) => !disabledFunctions.has(name.toLowerCase()) && (faults || name !== 'setFaults')
  const methods = allowedMethods(pathname, isServed)
  if (methods.length === 0) throw new OrderError('not-found', 'Nothing is at this path.')
  const allow = [...methods, 'OPTIONS'].join(', ')
  if (request.method === 'OPTIONS') return { status: 204, headers: { allow } }
  return toProblem(new OrderError('method-not-allowed', `This path takes ${allow}.`), pathname, { allow })
}

app.http('zzCatchAll', {
  methods: ALL,
  route: '{*path}',
  authLevel: 'anonymous',
  handler: endpoint(catchAll, reportFault),
})
