import { app, type HttpRequest, type HttpResponseInit } from '@azure/functions'
import { ASSETS } from '../shared/api-docs/assets.ts'
import { createAsyncApi } from '../shared/api-docs/asyncapi.ts'
import { errorsPage } from '../shared/api-docs/errors-page.ts'
import { createOpenApi } from '../shared/api-docs/openapi.ts'
import { HTML_TYPE, PAGE_HEADERS } from '../shared/api-docs/page.ts'
import { referencePage } from '../shared/api-docs/reference-page.ts'
import { createStaticContent } from '../shared/api-docs/static-content.ts'
import { settings, topicsOf } from '../shared/composition-root.ts'
import { OrderError } from '../shared/domain/errors.ts'
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

app.http('asyncApi', httpTrigger('asyncApi', asyncApi))
app.http('docs', httpTrigger('docs', reference))
app.http('docsAsset', httpTrigger('docsAsset', docsAsset))
app.http('docsErrors', httpTrigger('docsErrors', errors))
app.http('openApi', httpTrigger('openApi', openApi))
