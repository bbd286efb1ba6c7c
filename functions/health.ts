import type { Readiness } from '../shared/application/operations/readiness.ts'
import { messageOf } from '../shared/domain/errors.ts'
import { FRESH, json } from '../shared/http/protocol/answer.ts'
import { deliveryStall, services } from '../shared/services.ts'
import { httpTrigger, standaloneHttpTrigger } from '../shared/triggers.ts'

/**
 * GET /api/health/live: responds with 503 only if the host delivers none of the waiting records, because a restart may
 * then help. Checks neither the log nor the store, so that an outage of either does not restart the process.
 */
standaloneHttpTrigger('liveness', async () => {
  const stall = deliveryStall()
  const body = stall === undefined ? { status: 'live' } : { status: 'stalled', stall }
  return json(stall === undefined ? 200 : 503, body, FRESH)
})

/** GET /api/health/ready: responds with 503 if something that this process's HTTP functions need is unavailable. */
standaloneHttpTrigger('readiness', async () => {
  const report = await services().then(({ checkReadiness }) => checkReadiness(), unopened)
  return json(report.ready ? 200 : 503, report, FRESH)
})

/** The response of a process that can serve nothing else, because its startup failed. */
function unopened(error: unknown): Readiness {
  const unknown = { available: false, required: true, cause: 'It has not been opened.' }
  return { ready: false, why: `Startup failed: ${messageOf(error)}`, checks: { log: unknown, store: unknown } }
}

/** GET /api/metrics: this process's work and the pipeline's state, for Prometheus. */
httpTrigger('metrics', async (_, { metrics }) => {
  return { status: 200, headers: { 'content-type': metrics.contentType, ...FRESH }, body: await metrics.scrape() }
})
