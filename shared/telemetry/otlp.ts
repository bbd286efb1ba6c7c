import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import type { Resource } from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base'
import type { Logger } from '../logger.ts'
import { watchCollector } from './collector-watch.ts'
import { MAX_LINKS, type TracerSource } from './tracing.ts'

/** Traces to any OpenTelemetry collector, by OTLP over HTTP; OTEL_EXPORTER_OTLP_HEADERS are sent along. */
export function openOtlp(endpoint: string, resource: Resource, logger: Logger): TracerSource {
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces` })
  const provider = new BasicTracerProvider({
    resource,
    spanLimits: { linkCountLimit: MAX_LINKS },
    spanProcessors: [new BatchSpanProcessor(watched(exporter, logger))],
  })
  return { tracer: provider.getTracer('order-event-processing'), shutdown: () => provider.shutdown() }
}

function watched(exporter: SpanExporter, logger: Logger): SpanExporter {
  const watch = watchCollector(logger)
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const code: number = result.code
        if (code === 0 /* ExportResultCode.SUCCESS */) watch.taken()
        else watch.lost(spans.length, result.error)
        done(result)
      })
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  }
}
