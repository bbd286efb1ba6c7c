import type { Logger } from '../logs/logger.ts'
import type { PipelineEmitter } from '../../messaging/pipeline-events.ts'
import type { Tracing, TracingConfig } from './tracing.ts'

/** Whether traces are sent, either over OTLP or to Application Insights. */
export function isTraced({ otlpTracesUrl, applicationInsights }: TracingConfig): boolean {
  return otlpTracesUrl !== undefined || applicationInsights !== undefined
}

/** Undefined if no destination is configured. OpenTelemetry's SDK is then not loaded. */
export async function openTracing(
  config: TracingConfig,
  events: PipelineEmitter,
  logger: Logger,
): Promise<Tracing | undefined> {
  if (!isTraced(config)) return undefined
  const { createTracing } = await import('./create-tracing.ts')
  return createTracing(config, events, logger)
}
