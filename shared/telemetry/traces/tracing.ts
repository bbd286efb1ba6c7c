import type { Tracer } from '@opentelemetry/api'
import type { HandleDelivery } from '../../application/processing/handle-delivery.ts'
import type { Handler } from '../../http/protocol/endpoint.ts'
import type { Route } from '../../http/routes.ts'
import type { EventLog } from '../../ports/event-log.ts'
import type { Config } from '../../settings/config.ts'

/**
 * Traces: one for one order, from the request through the log, processing, every retry, the dead-letter topic and a
 * redrive. Each hop is a span whose context travels in the header `traceparent`; use cases only pass headers on, so they
 * know nothing of it, and a process without traces has nothing in their way.
 */
export interface Tracing extends AsyncDisposable {
  /** A span for each request; what the handler sees as the request's `traceparent` is that span. */
  traceRequests(route: Route, handler: Handler): Handler
  /** A span for each record that is published. */
  tracePublishing(log: Pick<EventLog, 'publish'>): Pick<EventLog, 'publish'>
  /** A span for each record of a batch, continuing its journey, and one for the batch, linked with all of them. */
  traceProcessing(source: { readonly topic: string; readonly group: string }, useCase: HandleDelivery): HandleDelivery
}

export type TracingConfig = Pick<Config, 'otlpTracesUrl' | 'applicationInsights'>

/** A delivery has at most as many records (`maxBatchSize` in host.json), and its span a link to each. */
export const MAX_LINKS = 1000

/** What makes spans, and sends them somewhere. */
export interface TracerSource {
  readonly tracer: Tracer
  /** Sends what is left; may take as long as it likes, or reject. */
  shutdown(): Promise<void>
}
