import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chromiumPath, openBrowser } from '../../support/browser.ts'
import { startProduct } from '../../support/product/product.ts'

describe.skipIf(chromiumPath === undefined).each(['light', 'dark'] as const)('in a browser, %s,', (colorScheme) => {
  let product: Awaited<ReturnType<typeof startProduct>>
  let browser: Awaited<ReturnType<typeof openBrowser>>

  beforeAll(async () => {
    product = await startProduct()
    browser = await openBrowser(product.url, { colorScheme, viewport: { width: 375, height: 800 } })
    browser.page.on('response', (response) => {
      if (response.status() >= 400) browser.complaints.push(`${response.status()} for ${response.url()}`)
    })
  })
  afterAll(async () => {
    await browser[Symbol.asyncDispose]()
    await product[Symbol.asyncDispose]()
  })

  it.each(['/', '/docs', '/docs/errors#conflict'])(
    '%s fits a phone, without an error or a foreign request',
    async (path) => {
      const { page, complaints } = browser
      await page.goto(product.url + path, { waitUntil: 'networkidle' })
      expect(await page.title()).toMatch(/Order event processing$/)
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(375)
      expect(complaints).toEqual([])
    },
  )

  it('the reference tries an order against the product itself', async () => {
    const { page, complaints } = browser
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
