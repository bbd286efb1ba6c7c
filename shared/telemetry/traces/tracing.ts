import type { Tracer } from '@opentelemetry/api'
import type { HandleDelivery } from '../../application/processing/handle-delivery.ts'
import type { Handler } from '../../http/protocol/endpoint.ts'
import type { Route } from '../../http/routes.ts'
import type { EventLog } from '../../ports/event-log.ts'
import type { Config } from '../../settings/config.ts'

/**
 * Each order has one trace, from the request through the log, processing, every retry, the dead-letter topic and a
 * redrive. Each step is a span, whose context travels in the `traceparent` header. Use cases only pass headers on and
 * do not depend on tracing, so a process without tracing has no overhead.
 */
export interface Tracing extends AsyncDisposable {
  /** Creates a span for each request. The handler receives the span's context as the request's `traceparent`. */
  traceRequests(route: Route, handler: Handler): Handler
  /** Creates a span for each published record. */
  tracePublishing(log: Pick<EventLog, 'publish'>): Pick<EventLog, 'publish'>
  /**
   * For each record in a batch, creates a span that continues the record's trace. Also creates a linked span for the
   * batch.
   */
  traceProcessing(source: { readonly topic: string; readonly group: string }, useCase: HandleDelivery): HandleDelivery
}

export type TracingConfig = Pick<Config, 'otlpTracesUrl' | 'applicationInsights'>

/**
 * Enough for a batch's span to link to every record: `maxBatchSize` is 1000 in the embedded host, and 32 in host.json.
 */
export const MAX_LINKS = 1000

export interface TracerSource {
  readonly tracer: Tracer
  /** Flushes the remaining spans. May reject, or take arbitrarily long. */
  shutdown(): Promise<void>
}
