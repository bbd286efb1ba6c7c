import { app, type HttpHandler, type HttpRequest, type InvocationContext } from '@azure/functions'
import { createHttpInvocation, type InvocationPath } from '../../../infra/host/http/http-invocation.ts'
import type { RoutedRequest } from '../../../infra/host/http/http-types.ts'
import { loadApp, routed } from '../../support/functions/function-host.ts'

/** Invokes a function that has this handler. */
export async function answerOf(path: InvocationPath, handler: HttpHandler, request: Partial<RoutedRequest> = {}) {
  const { app: functionApp, get, lines } = await loadApp(() => app.http('probe', { methods: ['GET', 'POST'], handler }))
  const { status, headers, body } = await createHttpInvocation(functionApp, path)(get('probe'), routed(request))
  const text = body === undefined ? '' : Buffer.from(body as Uint8Array).toString()
  return { answer: { status, headers, text }, lines }
}

/** Returns the part of the request that `look` reads in a handler. */
export async function seenBy<T>(
  path: InvocationPath,
  look: (request: HttpRequest, context: InvocationContext) => T,
  request: Partial<RoutedRequest>,
) {
  let seen: Awaited<T> | undefined
  await answerOf(
    path,
    async (request, context) => {
      seen = await look(request, context)
      return {}
    },
    request,
  )
  return seen as Awaited<T>
}
