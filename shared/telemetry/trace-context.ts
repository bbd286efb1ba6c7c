import { ROOT_CONTEXT, SpanStatusCode, trace, type Context, type Span, type SpanContext } from '@opentelemetry/api'
import { isOrderError } from '../domain/errors.ts'
import { isTraceparent } from '../messaging/traceparent.ts'
import { messageFor } from './error-line.ts'

/** W3C Trace Context, to and fro. What is no valid traceparent is ignored: the trace then begins here. */
export function toTraceparent(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext()
  return `00-${traceId}-${spanId}-${(traceFlags & 1) === 1 ? '01' : '00'}`
}

export function fromTraceparent(text: string | undefined): SpanContext | undefined {
  if (text === undefined || !isTraceparent(text)) return undefined
  const [, traceId = '', spanId = '', flags = ''] = text.split('-')
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true }
}

export function contextOf(traceparent: string | undefined): Context {
  const parent = fromTraceparent(traceparent)
  return parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent)
}

/** Ends a span as failed. The error's class of code is its type, as in the metrics. */
export function endWithError(span: Span, error: unknown): void {
  span.setAttribute('error.type', isOrderError(error) ? error.code : 'internal')
  span.setStatus({ code: SpanStatusCode.ERROR, message: messageFor(error) })
  span.end()
}
