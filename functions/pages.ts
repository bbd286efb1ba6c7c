import type { HttpRequest } from '@azure/functions'
import { OrderError } from '../shared/domain/errors.ts'
import { ASSETS } from '../shared/pages/assets.ts'
import { DASHBOARD_ASSETS } from '../shared/pages/dashboard/assets.ts'
import { dashboardPage } from '../shared/pages/dashboard/page.ts'
import { errorsPage } from '../shared/pages/errors-page.ts'
import { HTML_TYPE, PAGE_HEADERS } from '../shared/pages/page.ts'
import { referencePage } from '../shared/pages/reference-page.ts'
import { createStaticContent, type ServeStatic } from '../shared/pages/static-content.ts'
import { settings, topicsOf } from '../shared/services.ts'
import { standaloneHttpTrigger } from '../shared/triggers.ts'

const JSON_TYPE = 'application/json; charset=utf-8'

const json = (make: () => Promise<unknown>) => createStaticContent(JSON_TYPE, async () => JSON.stringify(await make()))
const html = (make: () => string) => createStaticContent(HTML_TYPE, make, PAGE_HEADERS)

/**
 * GET /api/openapi.json, GET /api/asyncapi.json: for programs. The documents' modules are loaded on the first request.
 * Loading them earlier would delay the start, and most processes are never asked for a document.
 */
standaloneHttpTrigger(
  'openApi',
  json(async () => (await import('../shared/api-docs/openapi.ts')).createOpenApi(settings())),
)
standaloneHttpTrigger(
  'asyncApi',
  json(async () => (await import('../shared/api-docs/asyncapi.ts')).createAsyncApi(topicsOf(), settings())),
)

/** GET /docs and GET /docs/errors: the reference and the list of problems, as pages for people. */
standaloneHttpTrigger('docs', html(referencePage))
standaloneHttpTrigger('docsErrors', html(errorsPage))

/** GET /dashboard: the live pipeline. The page is public; its figures require the function key. */
standaloneHttpTrigger(
  'dashboard',
  html(() => dashboardPage(settings())),
)

/** GET /docs/{asset} and GET /dashboard/{*asset}: the pages' scripts, styles and images. */
standaloneHttpTrigger('docsAsset', assetOf(ASSETS, 'There is no file with this name in /docs.'))
standaloneHttpTrigger('dashboardAsset', assetOf(DASHBOARD_ASSETS, 'There is no file with this name in /dashboard.'))

function assetOf(assets: ReadonlyMap<string, ServeStatic>, notFound: string) {
  return async (request: HttpRequest) => {
    const serve = assets.get(request.params['asset'] ?? '')
    if (serve === undefined) throw new OrderError('not-found', notFound)
    return serve(request)
  }
}
