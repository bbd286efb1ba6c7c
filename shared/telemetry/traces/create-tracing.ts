import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
  type Resource,
} from '@opentelemetry/resources'
import { hostname } from 'node:os'
import { within } from '../../threads/waiting.ts'
import type { Logger } from '../logs/logger.ts'
import type { PipelineEmitter } from '../../messaging/pipeline-events.ts'
import type { TracerSource, Tracing, TracingConfig } from './tracing.ts'
import { createProcessingTraces } from './trace-processing.ts'
import { tracePublishing } from './trace-publishing.ts'
import { traceRequests } from './trace-requests.ts'

/** Limits the wait on shutdown, because the collector may be unavailable. */
const CLOSE_MS = 2000

/**
 * Creates only our own spans, without instrumentation that patches libraries. OTEL_TRACES_SAMPLER decides whether a
 * span without a parent is sampled. OTEL_RESOURCE_ATTRIBUTES, OTEL_SERVICE_NAME and OTEL_BSP_SCHEDULE_DELAY have their
 * usual meaning.
 */
export async function createTracing(config: TracingConfig, events: PipelineEmitter, logger: Logger): Promise<Tracing> {
  const source = await openSource(config, logger)
  const { tracer } = source
  return {
    traceRequests: (route, handler) => traceRequests(tracer, route, handler),
    tracePublishing: (log) => tracePublishing(tracer, log),
    traceProcessing: createProcessingTraces(tracer, events),
    async [Symbol.asyncDispose]() {
      await within(CLOSE_MS, 'Sending the last traces', source.shutdown()).catch((error: unknown) => {
        logger.warn({ event: 'traces:away', err: error }, 'the last traces are lost')
      })
    },
  }
}

/** Imports only the configured package, because these packages are larger than all the other code combined. */
async function openSource(
  { otlpTracesUrl, applicationInsights }: TracingConfig,
  logger: Logger,
): Promise<TracerSource> {
  if (otlpTracesUrl !== undefined) {
    const { openOtlp } = await import('./otlp.ts')
    return openOtlp(otlpTracesUrl, processResource(), logger)
  }
  const { openApplicationInsights } = await import('./application-insights.ts')
  return openApplicationInsights(applicationInsights ?? '', processResource(), logger)
}

/** OpenTelemetry's environment variables override our attributes. */
function processResource(): Resource {
  const own = resourceFromAttributes({
    'service.name': 'order-event-processing',
    'service.instance.id': `${hostname()}:${process.pid}`,
  })
  return defaultResource()
    .merge(own)
    .merge(detectResources({ detectors: [envDetector] }))
}
