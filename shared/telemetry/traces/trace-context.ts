import {
  createTraceState,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Link,
  type Span,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api'
import { isOrderError } from '../../domain/errors.ts'
import { HEADER } from '../../messaging/records/headers.ts'
import { isTraceparent, isTracestate } from '../../messaging/records/traceparent.ts'
import type { RecordHeader } from '../../ports/event-log.ts'
import { messageFor } from '../logs/error-line.ts'

/** The span's context as a `traceparent` (W3C Trace Context). */
export function toTraceparent(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext()
  return `00-${traceId}-${spanId}-${(traceFlags & 1) === 1 ? '01' : '00'}`
}

/** The span's `tracestate`, which contains the entries of other systems; undefined if it is empty. */
export function toTracestate(span: Span): string | undefined {
  const text = span.spanContext().traceState?.serialize()
  return text === '' ? undefined : text
}

/** Undefined for a malformed `traceparent`, so that a new trace begins. Ignores a malformed `tracestate`. */
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

/** The headers with the span's context in place of the earlier context. */
export function inTraceOf<Header extends RecordHeader>(
  headers: readonly Header[],
  span: Span,
): (Header | readonly [string, Buffer])[] {
  const others = headers.filter(([name]) => name !== HEADER.trace && name !== HEADER.traceState)
  const tracestate = toTracestate(span)
  const state = tracestate === undefined ? [] : [[HEADER.traceState, Buffer.from(tracestate)] as const]
  return [...others, [HEADER.trace, Buffer.from(toTraceparent(span))], ...state]
}

export interface MessagingSpan {
  readonly operation: 'send' | 'process' | 'process batch'
  readonly topic: string
  readonly attributes: Attributes
  readonly parent?: Context
  readonly links?: Link[]
}

/** Starts a span with the names and attributes of OpenTelemetry's semantic conventions for messaging. */
export function startMessagingSpan(tracer: Tracer, span: MessagingSpan): Span {
  const { operation, topic, parent = ROOT_CONTEXT, links = [] } = span
  const attributes = {
    'messaging.system': 'kafka',
    'messaging.operation.name': operation,
    'messaging.operation.type': operation === 'send' ? 'send' : 'process',
    'messaging.destination.name': topic,
    ...span.attributes,
  }
  const kind = operation === 'send' ? SpanKind.PRODUCER : SpanKind.CONSUMER
  return tracer.startSpan(`${operation} ${topic}`, { kind, attributes, links }, parent)
}

/** Ends the spans when `work` ends. If `work` rejects, `error.type` is the error's code, as in the metrics. */
export async function endAfter<T>(
  spans: readonly Span[],
  work: Promise<T>,
  onResult: (result: T) => void = () => undefined,
): Promise<T> {
  try {
    const result = await work
    onResult(result)
    return result
  } catch (error) {
    for (const span of spans) {
      span.setAttribute('error.type', isOrderError(error) ? error.code : 'internal')
      span.setStatus({ code: SpanStatusCode.ERROR, message: messageFor(error) })
    }
    throw error
  } finally {
    for (const span of spans) span.end()
  }
}
