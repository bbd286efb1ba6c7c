import { app, type HttpResponseInit } from '@azure/functions'
import { services } from '../shared/composition-root.ts'
import { httpTrigger } from '../shared/triggers.ts'

/** GET /api/metrics: what this process did and where the pipeline stands, for Prometheus. */
async function metrics(): Promise<HttpResponseInit> {
  const { metrics } = await services()
  const headers = { 'content-type': metrics.contentType, 'cache-control': 'no-store' }
  return { status: 200, headers, body: await metrics.scrape() }
}

app.http('metrics', httpTrigger('metrics', metrics))
