import { HttpRequest } from '@azure/functions'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { ASSETS } from '../../../shared/pages/assets.ts'
import { errorsPage } from '../../../shared/pages/errors-page.ts'
import { homePage } from '../../../shared/pages/home-page.ts'
import { html } from '../../../shared/pages/html.ts'
import { PAGE_HEADERS } from '../../../shared/pages/page.ts'
import { referencePage } from '../../../shared/pages/reference-page.ts'
import { createStaticContent } from '../../../shared/pages/static-content.ts'
import { newOrderCommandSchema } from '../../../shared/domain/order-commands.ts'
import { allowedMethods } from '../../../shared/http/routes.ts'

const PAGES = { home: homePage('http://localhost:7071'), problems: errorsPage(), reference: referencePage() }

function get(headers: Record<string, string> = {}): HttpRequest {
  return new HttpRequest({ url: 'http://localhost/docs', method: 'GET', headers })
}

function unescaped(text: string): string {
  return text.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&lt;', '<').replaceAll('&amp;', '&')
}

describe('a template of HTML', () => {
  it('escapes inserted text, and inserts HTML as it is', () => {
    expect(html`<p title="${'"'}">${"<b> & '"}${html`<i>${1}</i>`}</p>`.text).toBe(
      '<p title="&quot;">&lt;b&gt; &amp; &#39;<i>1</i></p>',
    )
  })
})

describe.each(Object.entries(PAGES))('the page %s', (_, text) => {
  it('links only to existing routes', () => {
    const targets = [...text.matchAll(/(?:href|src)="([^"#]+)/g)].map(([, target]) => target ?? '')
    expect(targets.length).toBeGreaterThan(4)
    const isThere = (target: string) => {
      const { pathname } = new URL(target, 'http://localhost')
      const file = /^\/docs\/(.+\..+)$/.exec(pathname)?.[1]
      return (
        target.startsWith('/') && allowedMethods(pathname).includes('GET') && (file === undefined || ASSETS.has(file))
      )
    }
    expect(targets.filter((target) => !isThere(target))).toEqual([])
  })

  it('needs nothing that its Content-Security-Policy refuses', () => {
    expect(text).not.toMatch(/<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:/i)
    expect(PAGE_HEADERS['content-security-policy']).not.toMatch(/unsafe|https?:|\*/)
  })

  it('has one title, one main heading at most, a language and a skip link', () => {
    expect(text).toMatch(/<html lang="en">/)
    expect(text.match(/<title>[^<]+<\/title>/g)).toHaveLength(1)
    expect(text.match(/<h1>/g) ?? []).toHaveLength(text.includes('id="reference"') ? 0 : 1)
    expect(text).toContain('href="#content"')
  })
})

describe('the home page', () => {
  it('shows a command whose order the product accepts', () => {
    const [, body = ''] = /-d (?:&#39;|')([\s\S]+?)(?:&#39;|')<\/code>/.exec(PAGES.home) ?? []
    expect(newOrderCommandSchema.safeParse(JSON.parse(unescaped(body))).error).toBeUndefined()
  })

  it('links to protected pages through the dashboard, which has the key or asks for it, and to others directly', () => {
    const linksOf = (page: string) => [...page.matchAll(/href="([^"]+)"/g)].map(([, target]) => target)
    expect(linksOf(PAGES.home)).toEqual(
      expect.arrayContaining(['/dashboard#show=%2Fapi%2Fops%2Fledger', '/api/orders']),
    )
    expect(linksOf(PAGES.home)).not.toContain('/api/ops/ledger')
    const closed = homePage('http://localhost:7071', { ordersAuth: 'function' })
    expect(linksOf(closed)).toContain('/dashboard#show=%2Fapi%2Forders%2Fsearch%3Fq%3Dalex')
    expect(linksOf(closed)).toContain('/api/health/ready')
    expect(unescaped(closed)).toContain('-H "x-functions-key: $FUNCTIONS_KEY"')
  })

  it('shows the address under which it was requested, escaped', () => {
    expect(homePage('http://<b>')).toContain('curl -i http://&lt;b&gt;/api/orders')
  })
})

describe('static content', () => {
  const text = 'x'.repeat(10_000)
  const serve = createStaticContent('text/plain', () => text)
  const unpack = { br: brotliDecompressSync, gzip: gunzipSync, identity: (body: Uint8Array) => Buffer.from(body) }

  it.each([
    ['br', 'gzip, deflate, br'],
    ['gzip', 'gzip, br;q=0'],
    ['identity', 'deflate'],
    ['identity', ''],
    ['gzip', 'br;q=0, *'],
    ['identity', 'gzip;q=0, br;q=0.000, *'],
  ] as const)('is sent as %s to a caller who accepts "%s"', async (encoding, accepted) => {
    const { headers, body } = await serve(get({ 'accept-encoding': accepted }))
    const sent = new Headers(headers)
    expect(sent.get('content-encoding') ?? 'identity').toBe(encoding)
    expect(sent.get('vary')).toBe('accept-encoding')
    expect(unpack[encoding](body as Uint8Array).toString()).toBe(text)
  })

  it('has an ETag for each encoding, and is not sent again to a caller that has it', async () => {
    const etagOf = async (accepted: string) =>
      new Headers((await serve(get({ 'accept-encoding': accepted }))).headers).get('etag') ?? ''
    const [plain, packed] = [await etagOf(''), await etagOf('br')]
    expect(plain).not.toBe(packed)
    const again = await serve(get({ 'accept-encoding': 'br', 'if-none-match': packed }))
    expect(again).toMatchObject({ status: 304 })
    expect(again).not.toHaveProperty('body')
    expect(await serve(get({ 'accept-encoding': 'br', 'if-none-match': plain }))).toMatchObject({ status: 200 })
  })

  it('is built once, and built again after a failure', async () => {
    let made = 0
    const unlucky = createStaticContent('text/plain', async () => {
      made += 1
      if (made === 1) throw new Error('not yet')
      return 'there'
    })
    await expect(unlucky(get())).rejects.toThrow('not yet')
    await Promise.all([unlucky(get()), unlucky(get())])
    await unlucky(get())
    expect(made).toBe(2)
  })

  it.each([...ASSETS])('exists for %s', async (_, asset) => {
    const { status, body } = await asset(get())
    expect(status).toBe(200)
    expect((body as Uint8Array).length).toBeGreaterThan(100)
  })
})
