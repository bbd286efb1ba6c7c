import { SpanKind, trace } from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import type { SpanProcessor } from '@opentelemetry/sdk-trace-base'
import { shutdownAzureMonitor, useAzureMonitor, type AzureMonitorOpenTelemetryOptions } from 'applicationinsights'
import type { Logger } from '../logs/logger.ts'
import { watchCollector } from './collector-watch.ts'
import { MAX_LINKS, type TracerSource } from './tracing.ts'

/** Everything that the package would patch or collect on its own. We make the spans; metrics are at /api/metrics. */
const NOTHING_BY_ITSELF = {
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

/** The package names a request after its route, but leaves a consumer's operation unnamed, so the name is set here. */
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

/** Sends traces to Application Insights through Microsoft's package, as the process's global tracer provider. */
export function openApplicationInsights(connectionString: string, resource: Resource, logger: Logger): TracerSource {
  // OpenTelemetry's default. The package's own default keeps five traces a second, whatever the caller decided, so an
  // order's trace would be complete only by chance. The package takes a sampler that follows the parent only from this
  // variable, and spells one sampler differently.
  const sampler = process.env['OTEL_TRACES_SAMPLER'] ?? 'parentbased_always_on'
  process.env['OTEL_TRACES_SAMPLER'] = sampler.replace('traceidratio', 'trace_id_ratio')
  process.env['OTEL_SPAN_LINK_COUNT_LIMIT'] ??= String(MAX_LINKS)
  const policy = watchExports(logger)
  useAzureMonitor({
    ...NOTHING_BY_ITSELF,
    resource,
    spanProcessors: [NAMES_OF_CONSUMERS],
    // Its offline storage would write orders' ids to the disk of whatever machine this is.
    azureMonitorExporterOptions: {
      connectionString,
      disableOfflineStorage: true,
      additionalPolicies: [{ policy, position: 'perCall' }],
    },
  })
  return { tracer: trace.getTracer('order-event-processing'), shutdown: shutdownAzureMonitor }
}

const PARTLY_TAKEN = 206
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** A proxy's answer says nothing about items, so none of them counts as accepted. */
function partlyTaken(body: string): { readonly accepted: number; readonly why: string | undefined } {
  try {
    const { itemsAccepted = 0, errors = [] } = JSON.parse(body) as PartlyTaken
    return { accepted: itemsAccepted, why: errors[0]?.message }
  } catch {
    return { accepted: 0, why: undefined }
  }
}

/** The part of the endpoint's answer (`TrackResponse` in the package) that is read here. */
interface PartlyTaken {
  readonly itemsAccepted?: number
  readonly errors?: readonly { readonly message?: string }[]
}

/** The package does not report the result of an export, but a policy sees the result of each request, retries included. */
export function watchExports(logger: Logger): Policy {
  const watch = watchCollector(logger)

  function tell(status: number, body: string, sent: number): void {
    // The package follows the redirect with another request.
    if (REDIRECTS.has(status)) return
    const { accepted, why } = status === PARTLY_TAKEN ? partlyTaken(body) : { accepted: status < 400 ? sent : 0 }
    if (accepted > 0) watch.taken()
    else watch.lost(sent, new Error(why ?? `Application Insights answered ${status}.`))
    if (accepted > 0 && accepted < sent) watch.rejected(sent - accepted, why ?? 'without a reason')
  }

  return {
    name: 'collector-watch',
    async sendRequest(request, next) {
      try {
        const response = await next(request)
        tell(response.status, response.bodyAsText ?? '', envelopesIn(request.body))
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
