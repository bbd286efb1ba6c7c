import { app, type HttpResponseInit } from '@azure/functions'
import { services } from '../shared/composition-root.ts'
import { json } from '../shared/http/answer.ts'
import { httpTrigger } from '../shared/triggers.ts'

/** GET /api/health/live: the process answers. Nothing else is asked, so that no outage elsewhere gets it restarted. */
async function liveness(): Promise<HttpResponseInit> {
  return json(200, { status: 'live' }, { 'cache-control': 'no-store' })
}

/** GET /api/health/ready: 503 when something is away that this process's HTTP functions cannot do without. */
async function readiness(): Promise<HttpResponseInit> {
  const { checkReadiness } = await services()
  const report = await checkReadiness()
  return json(report.ready ? 200 : 503, report, { 'cache-control': 'no-store' })
}

app.http('liveness', httpTrigger('liveness', liveness))
app.http('readiness', httpTrigger('readiness', readiness))
