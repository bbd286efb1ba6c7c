import { trace } from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import { shutdownAzureMonitor, useAzureMonitor, type AzureMonitorOpenTelemetryOptions } from 'applicationinsights'
import type { Logger } from '../logger.ts'
import { watchCollector } from './collector-watch.ts'
import { MAX_LINKS, type TracerSource } from './tracing.ts'

/** What the package would patch or collect by itself. The spans are ours; figures are at /api/metrics. */
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

type ExporterOptions = NonNullable<AzureMonitorOpenTelemetryOptions['azureMonitorExporterOptions']>
type Policy = NonNullable<ExporterOptions['additionalPolicies']>[number]['policy']

/** Traces to Application Insights by Microsoft's own package, as the process's global tracer provider. */
export function openApplicationInsights(connectionString: string, resource: Resource, logger: Logger): TracerSource {
  // OpenTelemetry's default. The package's own is five traces a second, whatever the caller decided: one order's trace
  // would be there or not by chance. It reads a sampler that follows the parent from nowhere else,
  // and spells one differently.
  const sampler = process.env['OTEL_TRACES_SAMPLER'] ?? 'parentbased_always_on'
  process.env['OTEL_TRACES_SAMPLER'] = sampler.replace('traceidratio', 'trace_id_ratio')
  process.env['OTEL_SPAN_LINK_COUNT_LIMIT'] ??= String(MAX_LINKS)
  const policy = watching(logger)
  useAzureMonitor({
    ...NOTHING_BY_ITSELF,
    resource,
    // Its offline storage would write orders' ids to the disk of whatever machine this is.
    azureMonitorExporterOptions: {
      connectionString,
      disableOfflineStorage: true,
      additionalPolicies: [{ policy, position: 'perCall' }],
    },
  })
  return { tracer: trace.getTracer('order-event-processing'), shutdown: shutdownAzureMonitor }
}

/** The package tells nobody what became of an export, but lets a policy see how each request ended, retries included. */
function watching(logger: Logger): Policy {
  const watch = watchCollector(logger)
  return {
    name: 'collector-watch',
    async sendRequest(request, next) {
      try {
        const response = await next(request)
        if (response.status < 400) watch.taken()
        else watch.lost(envelopesIn(request.body), new Error(`Application Insights answered ${response.status}.`))
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
