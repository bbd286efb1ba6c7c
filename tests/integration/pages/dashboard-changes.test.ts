import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createEmbeddedLog } from '../../../shared/adapters/embedded/embedded-log.ts'
import { chromiumPath, openBrowser } from '../../support/browser.ts'
import { changeEvent, changeMessageOf, messageOf, newOrder } from '../../support/orders/orders.ts'
import { PRODUCT_KEY, startProduct } from '../../support/product/product.ts'

const PATIENT = { timeout: 20_000 }

/** An order with an unreadable amendment, and a cancellation that waits behind the amendment. */
async function putBadAmendment(dataDir: string) {
  const order = newOrder()
  const { orderId } = order
  const [amendment, cancellation] = [changeEvent(orderId), changeEvent(orderId, { change: { kind: 'cancel' } })]
  await using log = await createEmbeddedLog({ directory: dataDir, partitions: 6 })
  await log.ensureTopics([{ name: 'orders', partitions: 6, replication: 1, config: {} }])
  const unreadable = { ...changeMessageOf(amendment), value: '{' }
  for (const record of [messageOf(order), unreadable, changeMessageOf(cancellation)]) {
    await log.publish('orders', [record])
  }
  return { orderId, waiting: cancellation.changeId }
}

describe.skipIf(chromiumPath === undefined)('the dashboard and changes to orders', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'dashboard-changes-'))
  let bad: Awaited<ReturnType<typeof putBadAmendment>>
  let product: Awaited<ReturnType<typeof startProduct>>
  let browser: Awaited<ReturnType<typeof openBrowser>>
  let page: Page

  beforeAll(async () => {
    bad = await putBadAmendment(dataDir)
    product = await startProduct({ FAULTS: 'on', RETRY_DELAYS: '300ms,600ms', DATA_DIR: dataDir })
    browser = await openBrowser(product.url, { viewport: { width: 1600, height: 1000 }, timezoneId: 'UTC' })
    page = browser.page
    page.setDefaultTimeout(PATIENT.timeout)
    await page.goto(`${product.url}/dashboard#key=${encodeURIComponent(PRODUCT_KEY)}`)
  })
  afterAll(async () => {
    await browser[Symbol.asyncDispose]()
    await product[Symbol.asyncDispose]()
    rmSync(dataDir, { recursive: true, force: true })
  })

  const shows = (place: string, text: string | RegExp) =>
    page.locator(place).filter({ hasText: text, visible: true }).first().waitFor()
  const press = (name: string, inside = page.locator('main')) => inside.getByRole('button', { name }).click()
  const dialog = () => page.getByRole('dialog')
  const open = (address: string) => page.evaluate(`location.hash = '${address}'`)

  async function faultsForAxe(): Promise<unknown> {
    await page.evaluate(axe.source)
    return page.evaluate(
      `axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => id + ': ' + target)))`,
    )
  }

  it('show an order with its changes, and what each waits for', async () => {
    await shows('#lamp-connection', 'live')
    await shows('#ledger', '1 change of them waiting')
    await open(`order=${bad.orderId}`)
    await shows('dialog .changes', /amendment …\w{12}\s*dead-lettered.*undecodable-record/)
    await shows(
      'dialog .changes',
      /cancellation …\w{12}\s*waiting.*waits for the change …\w{12}, which is dead-lettered/,
    )
    await shows('dialog .timeline', /accepted.*stored.*change dead-lettered.*change waits/)
    await expect.poll(() => dialog().locator('.letters:not(.changes) a').count(), PATIENT).toBe(1)
    expect(await faultsForAxe()).toEqual([])
  })

  it('say which change a letter is of, what waits behind it, and that it cannot be edited', async () => {
    await dialog().locator('.letters:not(.changes) a').click()
    await shows('dialog .facts', /change\s*amendment …/)
    await shows('dialog', /Changes that wait for it\s*cancellation …\w{12}\s*waiting/)
    await shows('dialog', 'To correct it, discard it and send another change.')
    await press('Preview', dialog())
    await shows('dialog', '1 would fail again')
    expect(await faultsForAxe()).toEqual([])
  })

  it('name the change in lists of letters, and count what waits behind it', async () => {
    const expected = { change: { kind: 'amend' }, waitingChanges: 1 }
    const { body } = await product.operate('/api/dead-letters')
    expect(body).toMatchObject({ items: [expected], nextCursor: null })
    const [{ id }] = body['items'] as [{ id: string }]
    expect((await product.operate(`/api/dead-letters/${id}`)).body).toMatchObject({ id, ...expected })
    await page.keyboard.press('Escape')
    await page.locator('.group').getByText('Letters', { exact: true }).click()
    await shows('.group .letters', /amendment of order .*, 1 change waits$/)
    await page.locator('.group .letters a').first().click()
    await dialog().waitFor()
  })

  it('say before a discard that waiting changes will be rejected, and show that they were', async () => {
    await dialog().getByText('Discard', { exact: true }).click()
    await shows('dialog', 'changes that wait for it are rejected')
    await dialog().getByLabel('Reason').fill('a test change')
    await press('Discard it', dialog())
    await shows('#said', 'Discarded.')
    const change = await product.ask(`/api/orders/${bad.orderId}/changes/${bad.waiting}`)
    expect(change.body).toMatchObject({ status: 'rejected', cause: { code: 'earlier-change-discarded' } })
    await open(`order=${bad.orderId}`)
    await shows('dialog .timeline', /change discarded.*“a test change”.*change rejected.*earlier-change-discarded/)
    await page.keyboard.press('Escape')
  })

  it('play a change of mind: the cancellation waits for its order, and other orders do not', async () => {
    await press('4. A change of mind')
    await shows('#told', /The cancellation has reached the store and waits there/)
    await shows('#told', /40 other orders came in after it, and all of them are stored/)
    await shows('#told', /was stored as version 1, and its cancellation took effect right afterwards, as version 2/)
    await shows('#sent-dead', /^0$/)
    const { body } = await product.operate('/api/ops/faults')
    expect(body).toMatchObject({ throwForCustomers: [] })
    await page.selectOption('#order-status', 'cancelled')
    await expect.poll(() => page.locator('#orders tr').count(), PATIENT).toBe(1)
    await page.locator('#orders').getByRole('link').first().click()
    await shows('dialog .facts', /version\s*2.*“A change of mind”/)
    await shows('dialog .changes', /cancellation …\w{12}\s*applied\s*produced version 2/)
    await shows('dialog .timeline', /attempt-failed.*change waits.*stored.*cancelled/)
    await page.screenshot({ path: join('test-artifacts', 'dashboard-changes.png') })
  })

  it('caused no complaint on the way', () => {
    expect(browser.complaints).toEqual([])
  })
})
