import type { HttpHandler, HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions'
import { problemCodeOf, PROBLEMS, toProblem } from './problem.ts'

export type Handler = (request: HttpRequest, context: InvocationContext) => Promise<HttpResponseInit>

/** Told of every error that is not the caller's. */
export type ReportFault = (error: unknown, context: InvocationContext) => Promise<void>

const MAX_INSTANCE_LENGTH = 300

/**
 * The one place where an exception of an HTTP function becomes an answer. Every HTTP function is wrapped in it, so none
 * catches for itself.
 */
export function endpoint(handler: Handler, reportFault: ReportFault): HttpHandler {
  return async function answer(request, context) {
    try {
      return await handler(request, context)
    } catch (error) {
      const code = problemCodeOf(error)
      if (PROBLEMS[code].status >= 500) await reportFault(error, context)
      return toProblem(error, new URL(request.url).pathname.slice(0, MAX_INSTANCE_LENGTH))
    }
  }
}
