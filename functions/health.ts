import { app, type HttpResponseInit } from '@azure/functions'
import type { Readiness } from '../shared/application/operations/readiness.ts'
import { deliveryStall, services } from '../shared/services.ts'
import { messageOf } from '../shared/domain/errors.ts'
import { json } from '../shared/http/protocol/answer.ts'
import { httpTrigger } from '../shared/triggers.ts'

/**
 * GET /api/health/live: 503 only for what a restart may mend, a host that hands over nothing of what waits. Nobody is
 * asked, so that no outage elsewhere gets the process restarted.
 */
async function liveness(): Promise<HttpResponseInit> {
  const stall = deliveryStall()
  const body = stall === undefined ? { status: 'live' } : { status: 'stalled', stall }
  return json(stall === undefined ? 200 : 503, body, { 'cache-control': 'no-store' })
}

/** GET /api/health/ready: 503 when something is away that this process's HTTP functions cannot do without. */
async function readiness(): Promise<HttpResponseInit> {
  const report = await services().then(({ checkReadiness }) => checkReadiness(), unopened)
  return json(report.ready ? 200 : 503, report, { 'cache-control': 'no-store' })
}

/** Nothing is served before the start has succeeded; whoever asks for readiness is told why it has not. */
function unopened(error: unknown): Readiness {
  const unknown = { available: false, required: true, cause: 'It has not been opened.' }
  return { ready: false, why: `The start failed: ${messageOf(error)}`, checks: { log: unknown, store: unknown } }
}

/** GET /api/metrics: what this process did and where the pipeline stands, for Prometheus. */
async function metrics(): Promise<HttpResponseInit> {
  const { metrics } = await services()
  const headers = { 'content-type': metrics.contentType, 'cache-control': 'no-store' }
  return { status: 200, headers, body: await metrics.scrape() }
}

app.http('liveness', httpTrigger('liveness', liveness))
app.http('metrics', httpTrigger('metrics', metrics))
app.http('readiness', httpTrigger('readiness', readiness))
