import { SpanKind, SpanStatusCode, type Span, type Tracer } from '@opentelemetry/api'
import type { Handler } from '../../http/protocol/endpoint.ts'
import { problemCodeOf, PROBLEMS } from '../../http/protocol/problem.ts'
import type { Route } from '../../http/routes.ts'
import { isTraceparent } from '../../messaging/records/traceparent.ts'
import { contextOf, toTraceparent, toTracestate } from './trace-context.ts'

/**
 * Creates a span for each request. The span continues the runtime's trace if it is valid, and otherwise the caller's.
 * The span's context replaces the request's `traceparent` and `tracestate`, so that the spans of
 * the records that the handler publishes become its children.
 */
export function traceRequests(tracer: Tracer, { route }: Route, handler: Handler): Handler {
  const template = `/${route.replaceAll(/\{(\w+)[^}]*\}/g, '{$1}')}`

  return async function traced(request, context) {
    const { headers, method, url } = request
    const given = [
      [context.traceContext?.traceParent, context.traceContext?.traceState],
      [headers.get('traceparent'), headers.get('tracestate')],
    ] as const
    const [parent, state] = given.find(([text]) => typeof text === 'string' && isTraceparent(text)) ?? []
    const { protocol, pathname } = new URL(url)
    const attributes = {
      'http.request.method': method,
      'http.route': template,
      'url.scheme': protocol.slice(0, -1),
      'url.path': pathname,
      'faas.name': context.functionName,
      'faas.invocation_id': context.invocationId,
    }
    const options = { kind: SpanKind.SERVER, attributes }
    const span = tracer.startSpan(`${method} ${template}`, options, contextOf(parent ?? undefined, state ?? undefined))
    headers.set('traceparent', toTraceparent(span))
    const tracestate = toTracestate(span)
    if (tracestate === undefined) headers.delete('tracestate')
    else headers.set('tracestate', tracestate)
    try {
      const answer = await handler(request, context)
      end(span, answer.status ?? 200)
      return answer
    } catch (error) {
      const code = problemCodeOf(error)
      span.setAttribute('error.type', code)
      end(span, PROBLEMS[code].status)
      throw error
    }
  }
}

/** Only a status of 500 or above is a server error (OpenTelemetry's semantic conventions for HTTP). */
function end(span: Span, status: number): void {
  span.setAttribute('http.response.status_code', status)
  if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
  span.end()
}
