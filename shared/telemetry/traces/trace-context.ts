import {
  createTraceState,
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
  type Context,
  type Span,
  type SpanContext,
} from '@opentelemetry/api'
import { isOrderError } from '../../domain/errors.ts'
import { HEADER } from '../../messaging/records/headers.ts'
import { isTraceparent, isTracestate } from '../../messaging/records/traceparent.ts'
import type { RecordHeader } from '../../ports/event-log.ts'
import { messageFor } from '../logs/error-line.ts'

/** The span as a `traceparent` (W3C Trace Context). */
export function toTraceparent(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext()
  return `00-${traceId}-${spanId}-${(traceFlags & 1) === 1 ? '01' : '00'}`
}

/** The span's `tracestate`, which carries other systems' entries. */
export function toTracestate(span: Span): string | undefined {
  const text = span.spanContext().traceState?.serialize()
  return text === '' ? undefined : text
}

/** Undefined for a malformed `traceparent`: the trace then begins here. A malformed `tracestate` is ignored. */
export function fromTraceparent(text: string | undefined, tracestate?: string): SpanContext | undefined {
  if (text === undefined || !isTraceparent(text)) return undefined
  const [, traceId = '', spanId = '', flags = ''] = text.split('-')
  const traceFlags = Number.parseInt(flags, 16) & 1
  const hasState = tracestate !== undefined && isTracestate(tracestate)
  return { traceId, spanId, traceFlags, isRemote: true, ...(hasState && { traceState: createTraceState(tracestate) }) }
}

export function contextOf(traceparent: string | undefined, tracestate?: string): Context {
  const parent = fromTraceparent(traceparent, tracestate)
  return parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent)
}

/** The record's headers, with the span's context in place of the earlier one. */
export function inTraceOf<Header extends RecordHeader>(
  headers: readonly Header[],
  span: Span,
): (Header | readonly [string, string])[] {
  const others = headers.filter(([name]) => name !== HEADER.trace && name !== HEADER.traceState)
  const tracestate = toTracestate(span)
  return [
    ...others,
    [HEADER.trace, toTraceparent(span)],
    ...(tracestate === undefined ? [] : [[HEADER.traceState, tracestate] as const]),
  ]
}

/** Ends a span as failed. The error's code is its type, as in the metrics. */
export function endWithError(span: Span, error: unknown): void {
  span.setAttribute('error.type', isOrderError(error) ? error.code : 'internal')
  span.setStatus({ code: SpanStatusCode.ERROR, message: messageFor(error) })
  span.end()
}
