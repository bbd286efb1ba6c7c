import { app, type HttpRequest, type HttpResponseInit } from '@azure/functions'
import { createAsyncApi } from '../shared/api-docs/asyncapi.ts'
import { createOpenApi } from '../shared/api-docs/openapi.ts'
import { settings, topicsOf } from '../shared/services.ts'
import { OrderError } from '../shared/domain/errors.ts'
import { ASSETS } from '../shared/pages/assets.ts'
import { DASHBOARD_ASSETS } from '../shared/pages/dashboard/assets.ts'
import { dashboardPage } from '../shared/pages/dashboard/page.ts'
import { errorsPage } from '../shared/pages/errors-page.ts'
import { HTML_TYPE, PAGE_HEADERS } from '../shared/pages/page.ts'
import { referencePage } from '../shared/pages/reference-page.ts'
import { createStaticContent } from '../shared/pages/static-content.ts'
import { httpTrigger } from '../shared/triggers.ts'

const JSON_TYPE = 'application/json; charset=utf-8'

/** GET /api/openapi.json, GET /api/asyncapi.json: for programs. */
const openApi = createStaticContent(JSON_TYPE, () => JSON.stringify(createOpenApi(settings())))
const asyncApi = createStaticContent(JSON_TYPE, () => JSON.stringify(createAsyncApi(topicsOf(), settings())))

/** GET /docs, GET /docs/errors: for people. */
const reference = createStaticContent(HTML_TYPE, referencePage, PAGE_HEADERS)
const errors = createStaticContent(HTML_TYPE, errorsPage, PAGE_HEADERS)

/** GET /docs/{asset}: what the pages are made of. */
async function docsAsset(request: HttpRequest): Promise<HttpResponseInit> {
  const serve = ASSETS.get(request.params['asset'] ?? '')
  if (serve === undefined) throw new OrderError('not-found', 'The pages have no file of this name.')
  return serve(request)
}

/** GET /dashboard: the pipeline, live. The page is for anyone; its numbers need the function key. */
const dashboard = createStaticContent(HTML_TYPE, () => dashboardPage(settings()), PAGE_HEADERS)

/** GET /dashboard/{*asset}: what the page is made of. */
async function dashboardAsset(request: HttpRequest): Promise<HttpResponseInit> {
  const serve = DASHBOARD_ASSETS.get(request.params['asset'] ?? '')
  if (serve === undefined) throw new OrderError('not-found', 'The dashboard has no file of this name.')
  return serve(request)
}

app.http('asyncApi', httpTrigger('asyncApi', asyncApi))
app.http('dashboard', httpTrigger('dashboard', dashboard))
app.http('dashboardAsset', httpTrigger('dashboardAsset', dashboardAsset))
app.http('docs', httpTrigger('docs', reference))
app.http('docsAsset', httpTrigger('docsAsset', docsAsset))
app.http('docsErrors', httpTrigger('docsErrors', errors))
app.http('openApi', httpTrigger('openApi', openApi))
