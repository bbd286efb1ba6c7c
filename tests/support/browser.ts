import { existsSync } from 'node:fs'
import { chromium, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core'

const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const QUIET = '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking'
const QUIETER = '--disable-component-update --disable-sync'

/** The path of Chromium, if this machine has it; the variable CHROMIUM can name another path. CI requires Chromium. */
export const chromiumPath = [process.env['CHROMIUM'] ?? '', ...BROWSERS].find((path) => path !== '' && existsSync(path))
if (chromiumPath === undefined) {
  if (process.env['CI']) throw new Error('The browser tests need Chromium: apt-get install -y chromium')
  console.warn('skipped: the browser tests, because there is no Chromium (apt-get install -y chromium)')
}

/**
 * A page in its own browser. `complaints` collects everything that the page should never cause: errors, violations of its
 * Content-Security-Policy, requests to other hosts.
 */
export async function openBrowser(
  origin: string,
  options: BrowserContextOptions = {},
): Promise<AsyncDisposable & { page: Page; context: BrowserContext; complaints: string[] }> {
  const args = `${QUIET} ${QUIETER}`.split(' ')
  const browser = await chromium.launch({ executablePath: chromiumPath ?? '', args, headless: true })
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    // The page expects some of its requests to be refused, but the browser reports every refusal as an error.
    if (!message.text().startsWith('Failed to load resource')) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('request', (request) => {
    const isOurs = [`${origin}/`, 'data:', 'blob:'].some((start) => request.url().startsWith(start))
    if (!isOurs) complaints.push(`asked for ${request.url()}`)
  })
  return { page, context, complaints, [Symbol.asyncDispose]: () => browser.close() }
}
