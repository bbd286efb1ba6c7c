import type { StoreOrders } from './application/store-orders.ts'
import type { Config } from './config.ts'
import type { Handler } from './http/endpoint.ts'
import type { Route } from './http/routes.ts'
import type { Logger } from './logger.ts'
import type { PipelineEmitter } from './messaging/pipeline-events.ts'
import type { EventLog } from './ports/event-log.ts'

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
  traceProcessing(source: { readonly topic: string; readonly group: string }, useCase: StoreOrders): StoreOrders
}

export type TracingConfig = Pick<Config, 'otlpTracesUrl' | 'applicationInsights'>

/** Whether traces go anywhere: to OTLP, else to Application Insights. */
export function isTraced({ otlpTracesUrl, applicationInsights }: TracingConfig): boolean {
  return otlpTracesUrl !== undefined || applicationInsights !== undefined
}

/** Undefined where nothing is configured: then nothing of OpenTelemetry's SDK is loaded. */
export async function openTracing(
  config: TracingConfig,
  events: PipelineEmitter,
  logger: Logger,
): Promise<Tracing | undefined> {
  if (!isTraced(config)) return undefined
  const { createTracing } = await import('./telemetry/tracing.ts')
  return createTracing(config, events, logger)
}
