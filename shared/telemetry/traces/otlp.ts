import { diag, DiagLogLevel } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import type { Resource } from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base'
import type { Logger } from '../logs/logger.ts'
import { watchCollector, type CollectorWatch } from './collector-watch.ts'
import { MAX_LINKS, type TracerSource } from './tracing.ts'

/** Sends traces to an OpenTelemetry collector, by OTLP over HTTP with the headers in OTEL_EXPORTER_OTLP_HEADERS. */
export function openOtlp(url: string, resource: Resource, logger: Logger): TracerSource {
  const exporter = new OTLPTraceExporter({ url })
  const watch = watchCollector(logger)
  listenForRejected(watch)
  const provider = new BasicTracerProvider({
    resource,
    spanLimits: { linkCountLimit: MAX_LINKS },
    spanProcessors: [new BatchSpanProcessor(watched(exporter, watch))],
  })
  return { tracer: provider.getTracer('order-event-processing'), shutdown: () => provider.shutdown() }
}

/**
 * If a collector rejects part of an export ("Partial Success" in OTLP), the exporter does nothing except log this
 * message.
 */
const PARTIAL_SUCCESS = 'Received Partial Success response:'

const ignore = () => undefined

function listenForRejected(watch: CollectorWatch): void {
  const warn = (message: string, ...details: unknown[]) => {
    if (message !== PARTIAL_SUCCESS) return
    const { rejectedSpans, errorMessage } = partialSuccess(String(details[0]))
    // A collector may send a message without rejecting any spans.
    if (Number(rejectedSpans) > 0) watch.rejected(Number(rejectedSpans), errorMessage ?? 'without a reason')
  }
  const logger = { error: ignore, warn, info: ignore, debug: ignore, verbose: ignore }
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true })
}

/** OTLP encodes a 64-bit integer as a string in JSON. */
interface PartialSuccess {
  readonly rejectedSpans?: string | number
  readonly errorMessage?: string
}

/** Another version of the package may log something that is not JSON. The number of rejected spans is then unknown. */
function partialSuccess(text: string): PartialSuccess {
  try {
    return JSON.parse(text) as PartialSuccess
  } catch {
    return { rejectedSpans: 1, errorMessage: text }
  }
}

function watched(exporter: SpanExporter, watch: CollectorWatch): SpanExporter {
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
