import type { HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions'
import { compressed } from './compressed.ts'
import { MERGE_PATCH } from './json-body.ts'
import { problemCodeOf, PROBLEMS, toProblem, type ProblemCode } from './problem.ts'
import { REQUEST_ID, requestIdOf } from './request-id.ts'

export type Handler = (request: HttpRequest, context: InvocationContext) => Promise<HttpResponseInit>

/** Called for every error that results in a problem response. */
export interface Report {
  /** Server errors: a status of 500 or above. */
  fault(error: unknown, context: InvocationContext): Promise<void>
  /** Client errors: a status from 400 to 499. */
  refusal(error: unknown, problem: { code: ProblemCode; status: number }, context: InvocationContext): Promise<void>
}

const MAX_INSTANCE_LENGTH = 300

/**
 * Turns exceptions in an HTTP function into problem documents. Every HTTP function is wrapped in `endpoint`, so that no
 * function has to catch exceptions itself.
 */
export function endpoint(handler: Handler, report: Report): Handler {
  return async function answer(request, context) {
    const requestId = requestIdOf(request.headers.get(REQUEST_ID), context.invocationId)
    try {
      const result = await handler(request, context)
      const whole = request.method === 'GET' ? await compressed(request, result) : result
      // Our functions return headers as plain objects; the type also allows other forms.
      return { ...whole, headers: { ...(whole.headers as Record<string, string>), [REQUEST_ID]: requestId } }
    } catch (error) {
      const code = problemCodeOf(error)
      const { status } = PROBLEMS[code]
      if (status >= 500) await report.fault(error, context)
      else await report.refusal(error, { code, status }, context)
      const headers: Record<string, string> =
        status === 415 && request.method === 'PATCH' ? { 'accept-patch': MERGE_PATCH } : {}
      return toProblem(error, new URL(request.url).pathname.slice(0, MAX_INSTANCE_LENGTH), { requestId, headers })
    }
  }
}
