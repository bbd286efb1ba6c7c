import { resourceFromAttributes } from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base'
import { hostname } from 'node:os'
import type { Logger } from '../logger.ts'
import type { PipelineEmitter } from '../messaging/pipeline-events.ts'
import type { Tracing, TracingConfig } from '../telemetry.ts'
import { createProcessingTraces } from './trace-processing.ts'
import { tracePublishing } from './trace-publishing.ts'
import { traceRequests } from './trace-requests.ts'

/** A batch has at most as many records, and its span a link to each. */
const MAX_LINKS = 500
/** Whoever collects may be away when the process ends. */
const CLOSE_MS = 2000

/**
 * The SDK, by hand: no instrumentation patches anything, so that nothing but our own spans costs anything. Sampling
 * follows the parent, else OTEL_TRACES_SAMPLER; OTEL_SERVICE_NAME and OTEL_EXPORTER_OTLP_HEADERS mean what they always do.
 */
export async function createTracing(config: TracingConfig, events: PipelineEmitter, logger: Logger): Promise<Tracing> {
  const exporter = telling(await createExporter(config), logger)
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({
      'service.name': process.env['OTEL_SERVICE_NAME'] ?? 'order-event-processing',
      'service.instance.id': `${hostname()}:${process.pid}`,
    }),
    spanLimits: { linkCountLimit: MAX_LINKS },
    spanProcessors: [new BatchSpanProcessor(exporter)],
  })
  const tracer = provider.getTracer('order-event-processing')
  return {
    traceRequests: (route, handler) => traceRequests(tracer, route, handler),
    tracePublishing: (log) => tracePublishing(tracer, log),
    traceProcessing: createProcessingTraces(tracer, events),
    async [Symbol.asyncDispose]() {
      const late = Promise.withResolvers<void>()
      const timer = setTimeout(late.resolve, CLOSE_MS)
      const shutdown = provider.shutdown().catch((error: unknown) => {
        logger.warn({ event: 'traces:away', err: error }, 'the last traces are lost')
      })
      await Promise.race([shutdown, late.promise])
      clearTimeout(timer)
    },
  }
}

async function createExporter({ otlpEndpoint, applicationInsights }: TracingConfig): Promise<SpanExporter> {
  if (otlpEndpoint !== undefined) {
    const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http')
    return new OTLPTraceExporter({ url: `${otlpEndpoint.replace(/\/$/, '')}/v1/traces` })
  }
  const { AzureMonitorTraceExporter } = await import('@azure/monitor-opentelemetry-exporter')
  return new AzureMonitorTraceExporter({
    ...(applicationInsights !== undefined && { connectionString: applicationInsights }),
    disableOfflineStorage: true,
  })
}

/** Says once that spans are not taken any more, and once that they are again, with how many were lost. */
function telling(exporter: SpanExporter, logger: Logger): SpanExporter {
  let lost = 0
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const code: number = result.code
        const isTaken = code === 0 // ExportResultCode.SUCCESS
        if (isTaken && lost > 0) logger.warn({ event: 'traces:back', lost }, 'traces are taken again')
        if (!isTaken && lost === 0) {
          logger.warn({ event: 'traces:away', err: result.error }, 'nobody takes traces; they are lost')
        }
        lost = isTaken ? 0 : lost + spans.length
        done(result)
      })
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  }
}
