import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type BrowserContext, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startProduct } from '../../support/product/product.ts'

const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const executablePath = [process.env['CHROMIUM'] ?? '', ...BROWSERS].find((path) => path !== '' && existsSync(path))
const QUIET = '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking'
const QUIETER = '--disable-component-update --disable-sync'

/** Needs a Chromium; CHROMIUM names another location. */
describe.skipIf(executablePath === undefined).each(['light', 'dark'] as const)('in a browser, %s,', (colorScheme) => {
  const profile = mkdtempSync(join(tmpdir(), 'browser-'))
  let product: Awaited<ReturnType<typeof startProduct>>
  let browser: BrowserContext
  let page: Page
  const complaints: string[] = []

  beforeAll(async () => {
    product = await startProduct()
    const options = {
      args: `${QUIET} ${QUIETER}`.split(' '),
      headless: true,
      colorScheme,
      viewport: { width: 375, height: 800 },
    }
    browser = await chromium.launchPersistentContext(profile, { ...options, executablePath: executablePath ?? '' })
    page = await browser.newPage()
    page.on('console', (message) => complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('request', (request) => {
      const isOurs = request.url().startsWith(`${product.url}/`) || request.url().startsWith('data:')
      if (!isOurs) complaints.push(`asked for ${request.url()}`)
    })
  })
  afterAll(async () => {
    await browser.close()
    await product[Symbol.asyncDispose]()
    rmSync(profile, { recursive: true })
  })

  it.each(['/', '/docs', '/docs/errors#conflict'])(
    '%s fits a phone, without an error or a foreign request',
    async (path) => {
      await page.goto(product.url + path, { waitUntil: 'networkidle' })
      expect(await page.title()).toMatch(/Order event processing$/)
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(375)
      expect(complaints).toEqual([])
    },
  )

  it('the reference tries an order against the product itself', async () => {
    await page.goto(`${product.url}/docs#/Orders/placeOrder`, { waitUntil: 'networkidle' })
    const operation = page.locator('#operations-Orders-placeOrder')
    await operation.getByRole('button', { name: 'Try it out' }).click()
    await operation.getByRole('button', { name: 'Execute' }).click()
    const answer = operation.locator('.live-responses-table .response')
    await answer.waitFor()
    expect(await answer.innerText()).toMatch(/20[12][\s\S]*"orderId"/)
    expect(complaints).toEqual([])
  })
})
