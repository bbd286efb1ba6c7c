import { app, type HttpRequest, type HttpResponseInit } from '@azure/functions'
import { homePage } from '../shared/api-docs/home-page.ts'
import { HTML_TYPE, PAGE_HEADERS } from '../shared/api-docs/page.ts'
import { etagOf, unlessKnown } from '../shared/http/answer.ts'
import { httpTrigger } from '../shared/triggers.ts'

/** GET /: the page that leads to everything. */
async function home(request: HttpRequest): Promise<HttpResponseInit> {
  const body = homePage(new URL(request.url).origin)
  return unlessKnown(request, { etag: etagOf(body), body, headers: { 'content-type': HTML_TYPE, ...PAGE_HEADERS } })
}

app.http('home', httpTrigger('home', home))
