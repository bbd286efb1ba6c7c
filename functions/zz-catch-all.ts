import { app, type HttpMethod, type HttpRequest, type HttpResponseInit, type InvocationContext } from '@azure/functions'
import { homePage } from '../shared/pages/home-page.ts'
import { HTML_TYPE, PAGE_HEADERS } from '../shared/pages/page.ts'
import { settings } from '../shared/services.ts'
import { OrderError } from '../shared/domain/errors.ts'
import { etagOf, unlessKnown } from '../shared/http/protocol/answer.ts'
import { endpoint } from '../shared/http/protocol/endpoint.ts'
import { MERGE_PATCH } from '../shared/http/protocol/json-body.ts'
import { toProblem } from '../shared/http/protocol/problem.ts'
import { REQUEST_ID, requestIdOf } from '../shared/http/protocol/request-id.ts'
import { allowedMethods, FAULT_ROUTES } from '../shared/http/routes.ts'
import { report } from '../shared/triggers.ts'

/**
 * Responds to requests that match no other function: the home page for the empty path, 405 with Allow for a known path,
 * otherwise 404. The runtime tries functions in alphabetical order, so this function has a name that sorts last. Only a
 * catch-all receives the empty path, because the runtime replaces an empty route with the function's name. TRACE and
 * CONNECT are left to the runtime, which responds with 404, because the library cannot represent these methods and
 * would respond with 500.
 */
const ALL: HttpMethod[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

async function catchAll(request: HttpRequest, context: InvocationContext): Promise<HttpResponseInit> {
  const { pathname } = new URL(request.url)
  const { disabledFunctions, faults } = settings()
  const isServed = (name: string) => !disabledFunctions.has(name.toLowerCase()) && (faults || !FAULT_ROUTES.has(name))
  const methods = allowedMethods(pathname, isServed)
  if (pathname === '/' && isReading(request)) return home(request)
  // A request whose path matches only after normalisation, such as `//api/orders`, never reaches its function.
  const isTaken = methods.some((method) => method === request.method)
  if (methods.length === 0 || isTaken) throw new OrderError('not-found', 'Nothing is at this path.')
  const allow = [...methods, 'OPTIONS'].join(', ')
  if (request.method === 'OPTIONS') {
    return { status: 204, headers: { allow, ...(methods.includes('PATCH') && { 'accept-patch': MERGE_PATCH }) } }
  }
  const error = new OrderError('method-not-allowed', `This path supports ${allow}.`)
  await report.refusal(error, { code: 'method-not-allowed', status: 405 }, context)
  const requestId = requestIdOf(request.headers.get(REQUEST_ID), context.invocationId)
  return toProblem(error, pathname, { requestId, headers: { allow } })
}

/** GET /: the page that links to everything. */
function home(request: HttpRequest): HttpResponseInit {
  const body = homePage(new URL(request.url).origin, settings())
  return unlessKnown(request, { etag: etagOf(body), body, headers: { 'content-type': HTML_TYPE, ...PAGE_HEADERS } })
}

function isReading({ method }: HttpRequest): boolean {
  return method === 'GET' || method === 'HEAD'
}

app.http('zzCatchAll', {
  methods: ALL,
  route: '{*path}',
  authLevel: 'anonymous',
  handler: endpoint(catchAll, report),
})
