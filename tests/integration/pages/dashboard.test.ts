import { join } from 'node:path'
import axe from 'axe-core'
import type { Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chromiumPath, openBrowser } from '../../support/browser.ts'
import { orderCommand } from '../../support/orders/orders.ts'
import { PRODUCT_KEY, startProduct } from '../../support/product/product.ts'

const ARTIFACTS = join(import.meta.dirname, '..', '..', '..', 'test-artifacts')
const SETTINGS = { FAULTS: 'on', RETRY_DELAYS: '300ms,600ms' }
const MARKUP = '<img src=x onerror="document.title=1">'
/** The number of wire ends that are more than two pixels from every box. */
const LOOSE_ENDS = `(() => {
  const origin = document.getElementById('wires').getBoundingClientRect()
  const boxes = [...document.querySelectorAll('.node')].map((node) => node.getBoundingClientRect())
  const isLoose = ({ x, y }) => boxes.every(({ left, right, top, bottom }) => {
    const [dx, dy] = [Math.max(left - x, x - right), Math.max(top - y, y - bottom)]
    return Math.abs(Math.max(dx, dy)) > 2
  })
  return [...document.querySelectorAll('.wire')]
    .flatMap((wire) => [0, wire.getTotalLength()].map((length) => wire.getPointAtLength(length)))
    .filter(({ x, y }) => isLoose({ x: x + origin.left, y: y + origin.top })).length
})()`
/** The tables that can be scrolled sideways. */
const CUT_OFF = `[...document.querySelectorAll('main .scroll')]
  .filter((part) => part.scrollWidth > part.clientWidth).map((part) => part.getAttribute('aria-label'))`
/** The number of pixels by which the open dialog can be scrolled sideways. */
const DIALOG_OVERHANG = `{
  const { scrollWidth, clientWidth } = document.querySelector('dialog')
  scrollWidth - clientWidth
}`
const PATIENT = { timeout: 20_000 }

/** The tests form one user's session and run in order: later tests see the results of earlier ones. */
describe.skipIf(chromiumPath === undefined)('the dashboard', () => {
  let product: Awaited<ReturnType<typeof startProduct>>
  let browser: Awaited<ReturnType<typeof openBrowser>>
  let page: Page

  beforeAll(async () => {
    product = await startProduct(SETTINGS)
    browser = await openBrowser(product.url, { viewport: { width: 1600, height: 1000 }, timezoneId: 'UTC' })
    page = browser.page
    page.setDefaultTimeout(PATIENT.timeout)
  })
  afterAll(async () => {
    await page.screenshot({ path: join(ARTIFACTS, 'dashboard.png'), fullPage: true })
    await browser[Symbol.asyncDispose]()
    await product[Symbol.asyncDispose]()
  })

  const shows = (place: string | Locator, text: string | RegExp) => {
    const locator = typeof place === 'string' ? page.locator(place) : place
    return locator.filter({ hasText: text, visible: true }).first().waitFor()
  }
  const press = (name: string | RegExp, inside: Locator = page.locator('main')) =>
    inside.getByRole('button', { name }).click()
  const dialog = () => page.getByRole('dialog')

  interface Answer {
    readonly items: { state: string; customerId: number; orderId: string }[]
    readonly balanced: boolean
    readonly orders: { duplicate: number; lag: number }
  }

  async function ask(path: string): Promise<Answer> {
    const answer = await fetch(product.url + path, { headers: { 'x-functions-key': PRODUCT_KEY } })
    return (await answer.json()) as Answer
  }

  const poison = () => page.locator('.group', { hasText: 'undecodable-record' })
  const bug = () => page.locator('.group', { hasNotText: 'undecodable-record' })

  async function openLetterOf(group: Locator): Promise<void> {
    await group.waitFor()
    if (!(await group.locator('.letters').isVisible())) await group.getByText('Letters', { exact: true }).click()
    await group.locator('.letters a').first().click()
    await dialog().waitFor()
  }

  /** The violations of WCAG and of best practices that axe finds, as `rule: element`. */
  async function faultsForAxe(): Promise<unknown> {
    await page.evaluate(axe.source)
    return page.evaluate(
      `axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => id + ': ' + target)))`,
    )
  }

  it('is sent in less than 150 kB, compressed', async () => {
    const sizes: Promise<number>[] = []
    page.on('requestfinished', (request) => {
      const size = request
        .sizes()
        .then(({ responseBodySize, responseHeadersSize }) => responseBodySize + responseHeadersSize)
      sizes.push(size)
    })
    await page.goto(`${product.url}/dashboard`, { waitUntil: 'networkidle' })
    page.removeAllListeners('requestfinished')
    const total = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
    expect(sizes.length).toBeGreaterThan(10)
    expect(total).toBeLessThan(150_000)
  })

  it('shows the picture without numbers to visitors without a key', async () => {
    await shows('#pipeline', 'Processor')
    expect(await page.locator('#live').isVisible()).toBe(false)
    await page.fill('#key', 'not-the-key')
    await press('Open')
    await shows('#gate-fault', 'This is not the right key.')
    expect(await page.locator('#live').isVisible()).toBe(false)
  })

  it('is opened by a sign-in link, whose key leaves the address at once and is sent in no URL', async () => {
    const urls: string[] = []
    page.on('request', (request) => urls.push(request.url()))
    await page.goto('about:blank')
    await page.goto(`${product.url}/dashboard#key=${encodeURIComponent(PRODUCT_KEY)}&status=retrying`)
    await shows('#lamp-connection', 'live')
    expect(page.url()).toBe(`${product.url}/dashboard#status=retrying`)
    page.removeAllListeners('request')
    expect(urls.filter((url) => new URL(url).href.replace(/#.*/, '').includes(PRODUCT_KEY))).toEqual([])
    await press('Forget the key')
    // On a page that is already open, following a sign-in link does not reload the page.
    await page.evaluate(`location.hash = 'key=not-the-key'`)
    await shows('#gate-fault', 'This is not the right key.')
    expect(page.url()).toBe(`${product.url}/dashboard`)
  })

  it('asks for the key once, and keeps it only for the session', async () => {
    await page.fill('#key', PRODUCT_KEY)
    await page.fill('#operator', 'José')
    await page.keyboard.press('Enter')
    await shows('#lamp-connection', 'live')
    await page.reload()
    await shows('#lamp-connection', 'live')
    expect(await page.locator('#gate').isVisible()).toBe(false)
    expect(await page.evaluate('localStorage.length + document.cookie.length')).toBe(0)
  })

  it('follows an order from the first click to its timeline, by keyboard too', async () => {
    await press('One order')
    await shows('#sent-verdict', 'Every order that was accepted is stored.')
    await shows('#node-store', '1 orders stored')
    const row = page.locator('#orders tr').first()
    await row.getByRole('link').focus()
    await page.keyboard.press('Enter')
    await shows(dialog().locator('.timeline'), /accepted.*stored/)
    expect(await faultsForAxe()).toEqual([])
    await page.keyboard.press('Escape')
    await dialog().waitFor({ state: 'hidden' })
    expect(await page.evaluate('document.activeElement.title')).toBe(await row.getByRole('link').getAttribute('title'))
  })

  it('shows that one order sent five times with the same key is one order', async () => {
    await press('One, five times')
    await shows('#sent-accepted', /^2$/)
    await shows('#sent-stored', /^2$/)
    // Once the product has recorded the first request, repeats no longer reach the log. `duplicate` counts earlier
    // repeats.
    await expect.poll(async () => (await ask('/api/ops/status')).orders.lag, PATIENT).toBe(0)
    const { duplicate } = (await ask('/api/ops/status')).orders
    const recognised = new RegExp(`${duplicate} duplicates? recognised`)
    await shows('#node-store', duplicate === 0 ? 'orders stored' : recognised)
    expect((await ask('/api/orders')).items).toHaveLength(2)
  })

  it('keeps the wires attached to their boxes when rows change height', async () => {
    const setHeights = (upper: string, lower: string) =>
      page.evaluate(`for (const [row, height] of [['way', '${upper}'], ['branches', '${lower}']])
        for (const box of document.querySelectorAll('.' + row + ' .node')) box.style.minHeight = height`)
    await setHeights('200px', '240px')
    await expect.poll(() => page.evaluate(LOOSE_ENDS), PATIENT).toBe(0)
    await setHeights('240px', '200px')
    await expect.poll(() => page.evaluate(LOOSE_ENDS), PATIENT).toBe(0)
    await setHeights('', '')
  })

  it('leads from Home to pages that need the key, through a sign-in', async () => {
    const home = await browser.context.newPage()
    await home.goto(product.url)
    await home.getByRole('link', { name: 'Status' }).click()
    await home.fill('#key', PRODUCT_KEY)
    await home.keyboard.press('Enter')
    await home.getByRole('dialog').filter({ hasText: '"duplicate"' }).waitFor()
    await home.goto(product.url)
    await home.getByRole('link', { name: 'Metrics' }).click()
    await home.getByRole('dialog').filter({ hasText: 'orders_' }).waitFor()
    await home.keyboard.press('Escape')
    await expect.poll(() => home.url()).toBe(`${product.url}/dashboard`)
    await home.evaluate(`location.hash = 'show=' + encodeURIComponent('//example.com/api/orders')`)
    await home.locator('#said', { hasText: 'does not name a route' }).waitFor()
    await home.close()
  })

  it('finds orders by words and by id, and reports an empty result', async () => {
    const id = (await page.locator('#orders a').first().getAttribute('title')) ?? ''
    await page.fill('#order-text', 'no such words at all')
    await shows('#orders-empty', 'No order matches.')
    await page.fill('#order-text', id)
    await shows('#orders tr', `…${id.slice(-12)}`)
    expect(await page.locator('#orders tr').count()).toBe(1)
    await page.fill('#order-text', '')
  })

  it('keeps its filter, page and open order in its address', async () => {
    const [newest] = (await ask('/api/orders')).items
    const [customerId, orderId] = [String(newest?.customerId), newest?.orderId ?? '']
    const other = await browser.context.newPage()
    await other.goto(`${product.url}/dashboard#key=${encodeURIComponent(PRODUCT_KEY)}`)
    await other.getByText('Customer, currency, dates').click()
    await other.fill('#order-customer', customerId)
    await other.fill('#order-from', '2020-01-31T12:00')
    await other.fill('#order-to', '2020-02-01T12:00')
    await shows(other.locator('#orders-empty'), 'No order matches.')
    await other.fill('#order-to', '')
    await other.locator('#orders').getByRole('link').first().click()
    await shows(other.getByRole('dialog'), orderId)
    const address = Object.fromEntries(new URLSearchParams(new URL(other.url()).hash.slice(1)))
    expect(address).toEqual({ customerId, from: '2020-01-31T12:00:00.000Z', order: orderId })
    await other.reload()
    await shows(other.getByRole('dialog'), orderId)
    await press('Close', other.getByRole('dialog'))
    expect(await other.locator('#orders tr').count()).toBe(1)
    await other.evaluate(`location.hash = 'cursor=not-a-cursor'`)
    await shows(other.locator('#orders-fault'), 'cursor')
    await other.getByRole('link', { name: 'To the first page' }).click()
    await shows(other.locator('#orders tr'), 'stored')
    await other.evaluate(`{
      const words = document.getElementById('order-text')
      words.value = 'just typed'
      words.dispatchEvent(new Event('input', { bubbles: true }))
      location.hash = 'order=none'
    }`)
    await expect.poll(() => other.url(), PATIENT).toContain('q=just+typed')
    await other.close()
  })

  it('shows a store outage, during which orders wait and none is lost', async () => {
    await page.selectOption('#break-store', 'down')
    await shows('#lamp-store', 'unavailable')
    await shows('#alarm', 'Orders wait in the log; none is lost.')
    for (const sent of ['3', '4', '5']) {
      await press('One order')
      await shows('#sent-accepted', new RegExp(`^${sent}$`))
    }
    await shows('#node-log', /3 to be processed/)
    await shows('#node-processor', 'holds its place')
    await press('Repair everything')
    await shows('#sent-verdict', 'Every order that was accepted is stored. None was lost.')
    await shows('#lamp-store', 'healthy')
    await shows('#node-dead', '0 to be repaired')
    expect(await ask('/api/dead-letters')).toMatchObject({ items: [] })
  })

  it('shows that orders which the log cannot take are refused, not accepted', async () => {
    await page.selectOption('#break-log', 'down')
    await shows('#lamp-log', 'unavailable')
    await press('One order')
    await shows('#sent-refused', /^1$/)
    await press('Repair everything')
    await shows('#lamp-log', 'healthy')
    expect((await ask('/api/orders')).items).toHaveLength(5)
  })

  it('leads from a poison record to its cause, its bytes and its preview', async () => {
    await press('A poison record')
    await shows('#node-dead', '1 to be repaired')
    await shows('#wrong', '1 dead letter waits to be repaired')
    await press('Show', page.locator('#wrong'))
    expect(await page.evaluate('document.activeElement.id')).toBe('dead-title')
    await openLetterOf(poison())
    await shows(dialog().locator('pre'), 'Not UTF-8')
    await press('Preview', dialog())
    await shows(dialog(), '1 would fail again. Nothing was changed.')
    expect(await dialog().getByText('Edit', { exact: true }).count()).toBe(0)
    expect(await ask('/api/dead-letters')).toMatchObject({ items: [{ state: 'dead' }] })
    await page.keyboard.press('Escape')
  })

  it('discards with a reason, restores, and shows who did it', async () => {
    await openLetterOf(poison())
    await dialog().getByText('Discard', { exact: true }).click()
    await press('Discard it', dialog())
    await shows(dialog().getByRole('alert'), 'Please give a reason.')
    await dialog().getByLabel('Reason').fill('a test record')
    await press('Discard it', dialog())
    await shows('#said', 'Discarded.')
    await page.selectOption('#dead-state', 'discarded')
    await openLetterOf(poison())
    await press('Restore', dialog())
    await shows('#said', 'Restored')
    await page.getByText('Who did what').click()
    await shows('#audit-entries', /restore.*José.*discard.*“a test record”/)
    expect(await ask('/api/dead-letters')).toMatchObject({ items: [{ state: 'dead' }] })
    await page.selectOption('#dead-state', 'dead')
  })

  it('shows data as text, even HTML', async () => {
    await page.check('#break-customer')
    await expect.poll(() => ask('/api/ops/faults'), PATIENT).toMatchObject({ throwForCustomers: [13] })
    const body = JSON.stringify(orderCommand({ customerId: 13, customerName: MARKUP, customerLastName: '<b>bold</b>' }))
    await fetch(`${product.url}/api/orders`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    await page.selectOption('#order-status', 'dead-lettered')
    await shows('#orders', `${MARKUP} <b>bold</b>`)
    await page.selectOption('#order-status', '')
    await openLetterOf(bug())
    await shows(dialog().locator('pre'), JSON.stringify(MARKUP))
    await page.evaluate(`document.querySelectorAll('dialog details').forEach((closed) => (closed.open = true))`)
    expect(await faultsForAxe()).toEqual([])
    await page.evaluate(`document.querySelectorAll('dialog details').forEach((opened) => (opened.open = false))`)
    expect(await page.locator('main img, main b:text("bold")').count()).toBe(0)
  })

  it('sends an edited order in a letter’s place, and first points out its faults', async () => {
    await dialog().getByText('Edit', { exact: true }).click()
    const text = dialog().getByLabel('The order to send in its place')
    const original = await text.inputValue()
    await text.fill(original.replace('13', '-1'))
    await press('Send this instead', dialog())
    await shows(dialog().getByRole('alert'), '/customerId must be at least 1')
    await text.fill(original.replace('13', '14'))
    await press('Send this instead', dialog())
    await shows('#said', 'the original is kept')
    await expect
      .poll(() => ask('/api/dead-letters'), PATIENT)
      .toMatchObject({ items: [{ state: 'resolved' }, { state: 'dead' }] })
  })

  it('redrives a group once its cause is fixed, with progress by outcome', async () => {
    await press('For customer 13')
    await shows('#sent-dead', /^1$/)
    await press('Repair everything')
    const group = bug()
    await shows(group.locator('.exception'), / at .*:\d+/)
    await press('Preview', group)
    await shows(group, '1 would be stored')
    await press('Redrive all', group)
    await shows(dialog().getByRole('heading'), 'Redrive 1 letter?')
    await page.keyboard.press('Escape')
    await dialog().waitFor({ state: 'hidden' })
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Redrive all')
    await page.keyboard.press('Enter')
    await shows(dialog().getByRole('heading'), 'Redrive 1 letter?')
    expect(await dialog().getByLabel('Reason').getAttribute('required')).toBe('')
    expect(await faultsForAxe()).toEqual([])
    await page.keyboard.press('Enter')
    await shows(dialog().getByRole('alert'), 'Please give a reason.')
    await page.keyboard.type('the bug is mended')
    await page.keyboard.press('Enter')
    await shows('#said', 'Redrive of 1 letter started.')
    await shows('#audit-entries', /redrive.*José.*“the bug is mended”/)
    await shows('.redrive', /Redrive done\s*1 letter: 1 stored/)
    await shows('#node-dead', '1 to be repaired')
    expect((await ask('/api/orders')).items).toHaveLength(7)
  })

  it('plays an outage: the log holds the orders, and none is dead-lettered', async () => {
    const before = (await ask('/api/orders?limit=200')).items.length
    await press('2. An outage')
    await shows('#told', /\d+ orders wait in the log, each with its 202/)
    await shows('#lamp-store', 'unavailable')
    // The count continues while the store is unavailable, because the browser knows what it sent.
    expect(Number(await page.locator('#sent-pending').textContent())).toBeGreaterThan(0)
    await shows('#told', /All \d+ are stored, none dead-lettered/)
    await shows('#sent-pending', /^0$/)
    expect(await ask('/api/ops/faults')).toMatchObject({ store: 'ok' })
    expect((await ask('/api/orders?limit=200')).items.length).toBeGreaterThan(before)
  })

  it('plays a bad order from its retries to its redrive, by keyboard too', async () => {
    await page.getByRole('button', { name: '3. A bad order' }).focus()
    await page.keyboard.press('Enter')
    await shows('#told', /The other twenty are stored/)
    await shows('#told', /The retries are used up/)
    await shows('#told', /The order is stored and shown as “recovered”/)
    await shows('#orders', 'recovered')
    await shows('#sent-dead', /^0$/)
    expect(await page.locator('#stop-play').isVisible()).toBe(false)
  })

  it('undoes the fault of a play that is stopped', async () => {
    await press('2. An outage')
    await shows('#lamp-store', 'unavailable')
    await press('Stop, and repair everything')
    await shows('#told', 'Stopped. Everything works again.')
    await shows('#lamp-store', 'healthy')
    await shows('#sent-pending', /^0$/)
    expect(await ask('/api/ops/faults')).toMatchObject({ store: 'ok' })
  })

  it('undoes the fault of a play whose page is left midway', async () => {
    await press('2. An outage')
    await shows('#lamp-store', 'unavailable')
    await page.reload()
    await expect.poll(() => ask('/api/ops/faults'), PATIENT).toMatchObject({ store: 'ok' })
    await shows('#lamp-store', 'healthy')
  })

  it('shows the last hour at once to any visitor', async () => {
    const { items } = await ask('/api/ops/history')
    expect(items.length).toBeGreaterThan(5)
    const opened = Date.now()
    const other = await browser.context.newPage()
    await other.goto(`${product.url}/dashboard#key=${encodeURIComponent(PRODUCT_KEY)}`)
    await shows(other.locator('#lamp-connection'), 'live')
    const plot = other.locator('.plot .u-over').first()
    const { width = 0 } = (await plot.boundingBox()) ?? {}
    await plot.hover({ position: { x: width * 0.2, y: 20 } })
    const when = (await other.locator('.chart .when').first().textContent()) ?? ''
    expect(when).toMatch(/^ at \d\d:\d\d:\d\d UTC$/)
    const [today] = new Date(opened).toISOString().split('T')
    expect(Date.parse(`${today}T${when.slice(4, 12)}Z`)).toBeLessThan(opened - 10_000)
    await other.close()
  })

  it('ends with every record accounted for', async () => {
    await shows('#lamp-ledger', 'balanced')
    await shows('#ledger', 'Balanced: every record has exactly one outcome.')
    expect(await ask('/api/ops/ledger')).toMatchObject({ balanced: true })
  })

  it('shows the disk usage, and how far back the log reaches', async () => {
    await shows('#storage', 'Oldest record')
    expect(await page.locator('#storage').textContent()).toMatch(
      /^Log[\d.]+ [KM]iBOldest record\d\d:\d\d:\d\d UTCRecords keptforeverStore[\d.]+ [KM]iBFree space[\d.]+ [GT]iB$/,
    )
  })

  it.each(['light', 'dark'] as const)('passes axe, %s', async (colorScheme) => {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await page.evaluate(`document.querySelectorAll('details').forEach((closed) => (closed.open = true))`)
    expect(await faultsForAxe()).toEqual([])
    await page.screenshot({ path: join(ARTIFACTS, `dashboard-${colorScheme}.png`), fullPage: true })
  })

  it.each([320, 390, 768, 1600])('fits a width of %s', async (width) => {
    await page.setViewportSize({ width, height: 900 })
    await expect.poll(() => page.evaluate('document.documentElement.scrollWidth'), PATIENT).toBe(width)
    expect(await page.evaluate(CUT_OFF)).toEqual([])
    await press('Discard all', poison())
    expect(await page.evaluate(DIALOG_OVERHANG)).toBe(0)
    await page.keyboard.press('Escape')
    await page.screenshot({ path: join(ARTIFACTS, `dashboard-${width}.png`), fullPage: true })
  })

  it('requests nothing while it is hidden, and catches up when it is shown', async () => {
    const hide = (hidden: boolean) =>
      page.evaluate(
        `Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true });
         document.dispatchEvent(new Event('visibilitychange'))`,
      )
    await hide(true)
    await page.waitForLoadState('networkidle')
    let asked = 0
    page.on('request', () => (asked += 1))
    await page.waitForTimeout(2500)
    expect(asked).toBe(0)
    await hide(false)
    await expect.poll(() => asked, PATIENT).toBeGreaterThan(3)
    page.removeAllListeners('request')
  })

  it('reports a lost connection, and reconnects on its own', async () => {
    await browser.context.setOffline(true)
    await shows('#alarm', 'The connection is lost')
    await shows('#lamp-connection', 'lost')
    await shows('#lamp-store', 'unknown')
    await browser.context.setOffline(false)
    await shows('#lamp-connection', 'live')
    expect(await page.locator('#alarm').isVisible()).toBe(false)
  })

  it('discards a group, reports the number of letters, and leaves none waiting', async () => {
    await press('Discard all', poison())
    await shows(dialog().getByRole('heading'), 'Discard 1 letter?')
    await dialog().getByLabel('Reason').fill('sent by a test')
    await press('Discard 1 letter', dialog())
    await shows('#said', '1 letter discarded.')
    await shows('#dead-empty', 'There are no dead letters to repair.')
    await page.locator('#wrong').waitFor({ state: 'hidden' })
    expect(await ask('/api/dead-letters?state=dead')).toMatchObject({ items: [] })
  })

  it('caused no error, no foreign request and no policy violation along the way', () => {
    expect(browser.complaints).toEqual([])
  })

  it('forgets the key on request, and shows nothing more', async () => {
    await press('Forget the key')
    await page.locator('#live').waitFor({ state: 'hidden' })
    expect(await page.evaluate(`sessionStorage.getItem('functions-key')`)).toBe('')
  })
})
