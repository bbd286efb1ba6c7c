import { app, type HttpRequest, type HttpResponseInit } from '@azure/functions'
import { HTML_TYPE, PAGE_HEADERS } from '../shared/api-docs/page.ts'
import { createStaticContent } from '../shared/api-docs/static-content.ts'
import { settings } from '../shared/composition-root.ts'
import { DASHBOARD_ASSETS } from '../shared/dashboard/assets.ts'
import { dashboardPage } from '../shared/dashboard/page.ts'
import { OrderError } from '../shared/domain/errors.ts'
import { httpTrigger } from '../shared/triggers.ts'

/** GET /dashboard: the pipeline, live. The page is for anyone; its numbers need the function key. */
const dashboard = createStaticContent(HTML_TYPE, () => dashboardPage(settings()), PAGE_HEADERS)

/** GET /dashboard/{asset}: what the page is made of. */
async function dashboardAsset(request: HttpRequest): Promise<HttpResponseInit> {
  const serve = DASHBOARD_ASSETS.get(request.params['asset'] ?? '')
  if (serve === undefined) throw new OrderError('not-found', 'The dashboard has no file of this name.')
  return serve(request)
}

app.http('dashboard', httpTrigger('dashboard', dashboard))
app.http('dashboardAsset', httpTrigger('dashboardAsset', dashboardAsset))
