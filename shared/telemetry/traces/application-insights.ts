import { SpanKind, trace } from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import type { SpanProcessor } from '@opentelemetry/sdk-trace-base'
import { shutdownAzureMonitor, useAzureMonitor, type AzureMonitorOpenTelemetryOptions } from 'applicationinsights'
import type { Logger } from '../logs/logger.ts'
import { watchCollector } from './collector-watch.ts'
import { MAX_LINKS, type TracerSource } from './tracing.ts'

/** Disables everything that the package would patch or collect. Our code creates spans and serves metrics. */
const NO_AUTOMATIC_COLLECTION = {
  enableAutoCollectExceptions: false,
  enableAutoCollectPerformance: false,
  enableLiveMetrics: false,
  enableStandardMetrics: false,
  enablePerformanceCounters: false,
  instrumentationOptions: {
    http: { enabled: false },
    azureSdk: { enabled: false },
    mongoDb: { enabled: false },
    mySql: { enabled: false },
    postgreSql: { enabled: false },
    redis: { enabled: false },
    redis4: { enabled: false },
    bunyan: { enabled: false },
    winston: { enabled: false },
    console: { enabled: false },
  },
} satisfies AzureMonitorOpenTelemetryOptions

/** Sets the operation name of consumers. The package sets it only for requests, from their route. */
const NAMES_OF_CONSUMERS: SpanProcessor = {
  onStart(span) {
    if (span.kind === SpanKind.CONSUMER) span.setAttribute('ai.operation.name', span.name)
  },
  onEnd: () => undefined,
  forceFlush: () => Promise.resolve(),
  shutdown: () => Promise.resolve(),
}

type ExporterOptions = NonNullable<AzureMonitorOpenTelemetryOptions['azureMonitorExporterOptions']>
type Policy = NonNullable<ExporterOptions['additionalPolicies']>[number]['policy']

/**
 * Sends traces to Application Insights through Microsoft's package, which sets the process's global tracer provider.
 */
export function openApplicationInsights(connectionString: string, resource: Resource, logger: Logger): TracerSource {
  // Our default sampler is OpenTelemetry's. The package's own default keeps five traces a second and ignores the
  // caller's decision, so few orders would have a complete trace. The package accepts a parent-based sampler only
  // through OTEL_TRACES_SAMPLER, and has a different name for one of the samplers.
  const sampler = process.env['OTEL_TRACES_SAMPLER'] ?? 'parentbased_always_on'
  process.env['OTEL_TRACES_SAMPLER'] = sampler.replace('traceidratio', 'trace_id_ratio')
  process.env['OTEL_SPAN_LINK_COUNT_LIMIT'] ??= String(MAX_LINKS)
  const policy = watchExports(logger)
  useAzureMonitor({
    ...NO_AUTOMATIC_COLLECTION,
    resource,
    spanProcessors: [NAMES_OF_CONSUMERS],
    // Offline storage would write order ids to the local disk.
    azureMonitorExporterOptions: {
      connectionString,
      disableOfflineStorage: true,
      additionalPolicies: [{ policy, position: 'perCall' }],
    },
  })
  return { tracer: trace.getTracer('order-event-processing'), shutdown: shutdownAzureMonitor }
}

const PARTIALLY_ACCEPTED = 206
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** If the response is not JSON, a proxy sent it, so no items count as accepted. */
function partialResult(body: string): { readonly accepted: number; readonly why: string | undefined } {
  try {
    const { itemsAccepted = 0, errors = [] } = JSON.parse(body) as PartialResult
    return { accepted: itemsAccepted, why: errors[0]?.message }
  } catch {
    return { accepted: 0, why: undefined }
  }
}

/** The members of the endpoint's response (`TrackResponse` in the package) that are read here. */
interface PartialResult {
  readonly itemsAccepted?: number
  readonly errors?: readonly { readonly message?: string }[]
}

/** A policy that reports each request's result, including retries, because the package does not report results. */
export function watchExports(logger: Logger): Policy {
  const watch = watchCollector(logger)

  function report(status: number, body: string, sent: number): void {
    // The package follows a redirect by sending another request, whose result counts instead.
    if (REDIRECTS.has(status)) return
    const { accepted, why } =
      status === PARTIALLY_ACCEPTED ? partialResult(body) : { accepted: status < 400 ? sent : 0 }
    if (accepted > 0) watch.taken()
    else watch.lost(sent, new Error(why ?? `Application Insights answered ${status}.`))
    if (accepted > 0 && accepted < sent) watch.rejected(sent - accepted, why ?? 'without a reason')
  }

  return {
    name: 'collector-watch',
    async sendRequest(request, next) {
      try {
        const response = await next(request)
        report(response.status, response.bodyAsText ?? '', envelopesIn(request.body))
        return response
      } catch (error) {
        watch.lost(envelopesIn(request.body), error)
        throw error
      }
    },
  }
}

function envelopesIn(body: unknown): number {
  return typeof body === 'string' ? (JSON.parse(body) as unknown[]).length : 1
}
