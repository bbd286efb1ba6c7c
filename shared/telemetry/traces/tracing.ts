import type { Tracer } from '@opentelemetry/api'
import type { HandleDelivery } from '../../application/processing/handle-delivery.ts'
import type { Handler } from '../../http/protocol/endpoint.ts'
import type { Route } from '../../http/routes.ts'
import type { EventLog } from '../../ports/event-log.ts'
import type { Config } from '../../settings/config.ts'

/**
 * Traces, one for each order, from the request through the log, processing, every retry, the dead-letter topic and a
 * redrive. Each hop is a span whose context travels in the header `traceparent`. Use cases only pass headers on, so they do
 * not know about traces, and a process without traces pays nothing.
 */
export interface Tracing extends AsyncDisposable {
  /** A span for each request; the handler sees it as the request's `traceparent`. */
  traceRequests(route: Route, handler: Handler): Handler
  /** A span for each published record. */
  tracePublishing(log: Pick<EventLog, 'publish'>): Pick<EventLog, 'publish'>
  /** A span for each record of a batch, which continues its journey, and one for the batch, linked with all of them. */
  traceProcessing(source: { readonly topic: string; readonly group: string }, useCase: HandleDelivery): HandleDelivery
}

export type TracingConfig = Pick<Config, 'otlpTracesUrl' | 'applicationInsights'>

/** A delivery has at most this many records (`maxBatchSize` in host.json), and its span links to each. */
export const MAX_LINKS = 1000

/** Makes spans and sends them. */
export interface TracerSource {
  readonly tracer: Tracer
  /** Sends the remaining spans. May take any time, or reject. */
  shutdown(): Promise<void>
}
