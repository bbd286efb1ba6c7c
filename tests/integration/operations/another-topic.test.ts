import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { DeadLetterSummary } from '../../../shared/ports/dead-letters.ts'
import { ORIGINAL_BODY } from '../../support/orders/orders.ts'
import { until } from '../../support/product/operated-product.ts'
import { createProduct, type Product } from '../../support/product/product.ts'

const SETTINGS = { LOG_LEVEL: 'fatal', FAULTS: 'on', RETRY_DELAYS: '100ms' }
const FAILING = 13
const ORDER = { ...ORIGINAL_BODY, customerId: FAILING }

test('after ORDERS_TOPIC has changed, the ledger balances, and earlier dead letters can be redriven and edited', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'another-topic-'))
  const dataDir = join(directory, 'data')
  let product: Product = createProduct(dataDir, SETTINGS)
  const place = async (order: object) =>
    String((await product.ask('/api/orders', { method: 'POST', body: order })).body['orderId'])
  const untilStatus = (orderId: string, status: string) =>
    until(
      async () => (await product.ask(`/api/orders/${orderId}`)).body,
      (seen) => seen['status'] === status,
    )
  const letterOf = async (orderId: string) =>
    ((await product.operate(`/api/dead-letters?orderId=${orderId}`)).body['items'] as DeadLetterSummary[])[0]

  try {
    await product.start()
    await product.breaks({ throwForCustomers: [FAILING] })
    const [redriven, edited, stored] = [await place(ORDER), await place(ORDER), await place(ORIGINAL_BODY)]
    for (const orderId of [redriven, edited]) await untilStatus(orderId, 'dead-lettered')
    await untilStatus(stored, 'stored')
    const headers = { 'content-type': 'application/merge-patch+json' }
    const path = `/api/orders/${redriven}`
    await product.ask(path, { method: 'PATCH', body: { billingAddress: '7 Amended Road' }, headers })
    await product.settled()
    expect(await product.stop()).toBe(0)

    product = createProduct(dataDir, { ...SETTINGS, ORDERS_TOPIC: 'orders-of-2027' })
    await product.start()
    expect(await product.ledger()).toMatchObject({ balanced: true, totals: { records: 0, parked: 0 } })
    const later = await place(ORIGINAL_BODY)
    await untilStatus(later, 'stored')
    const ids = [(await letterOf(redriven))?.id]
    await product.operate('/api/dead-letters/redrive', { method: 'POST', body: { ids } })
    const body = { ...ORDER, billingAddress: '9 Edited Lane' }
    const letterId = (await letterOf(edited))?.id
    await product.operate(`/api/dead-letters/${letterId}/payload`, { method: 'PUT', body })

    expect(await untilStatus(redriven, 'stored')).toMatchObject({ version: 2, billingAddress: '7 Amended Road' })
    expect(await untilStatus(edited, 'stored')).toMatchObject({ billingAddress: '9 Edited Lane' })
    expect([(await letterOf(redriven))?.state, (await letterOf(edited))?.state]).toEqual(['resolved', 'resolved'])
    await product.settled()
    expect(await product.ledger()).toMatchObject({
      balanced: true,
      totals: { records: 3, accepted: 1, redriven: 2, stored: 3, parked: 0 },
    })
    const { orders, parked } = await product.pipeline()
    expect([orders.records, orders.stored, parked.dead, parked.redriven]).toEqual([3, 3, 0, 0])
    expect(await product.stop()).toBe(0)
  } finally {
    if (product.isRunning) await product.kill()
    rmSync(directory, { recursive: true })
  }
}, 60_000)
