import { afterEach, expect, test } from 'vitest'
import { ORIGINAL_BODY } from '../../support/orders/orders.ts'
import { PRODUCT_KEY, startProduct } from '../../support/product/product.ts'

const products: AsyncDisposable[] = []
afterEach(async () => {
  for (const product of products.splice(0)) await product[Symbol.asyncDispose]()
})

async function startScraped() {
  const product = await startProduct({ FAULTS: 'on', RETRY_DELAYS: '50ms' })
  products.push(product)
  const key = { 'x-functions-key': PRODUCT_KEY }
  const send = (path: string, body: unknown) =>
    fetch(`${product.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...key },
      body: JSON.stringify(body),
    })
  const scrape = (headers: Record<string, string> = key) => fetch(`${product.url}/api/metrics`, { headers })
  return {
    send,
    scrape,
    /** Every sample by its name and labels. */
    samples: async (): Promise<Record<string, number>> => {
      const text = await (await scrape()).text()
      const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
      return Object.fromEntries(
        lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
      )
    },
  }
}

const POLLING = { timeout: 20_000, interval: 200 }

test('Prometheus scrapes the counts of accepted, stored and dead-lettered orders, but only with the key', async () => {
  const { send, scrape, samples } = await startScraped()
  for (let order = 0; order < 3; order += 1) await send('/api/orders', ORIGINAL_BODY)
  await send('/api/ops/faults', { poison: 1 })

  await expect.poll(samples, POLLING).toMatchObject({
    orders_accepted_total: 3,
    'orders_stored_total{messaging_destination_name="orders"}': 3,
    'orders_dead_lettered_total{error_type="undecodable-record"}': 1,
    'messaging_destination_end_offset{messaging_destination_name="orders"}': 4,
    'messaging_destination_end_offset{messaging_destination_name="orders-dlt"}': 1,
    'messaging_consumer_group_lag{messaging_destination_name="orders",messaging_consumer_group_name="order-processor"}': 0,
    orders_ledger_balanced: 1,
    orders_accepted_to_stored_seconds_count: 3,
  })
  const response = await scrape()
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
  expect(await response.text()).toContain('process_resident_memory_bytes')
  expect((await scrape({})).status).toBe(401)
})

test('a store outage shows while it lasts, and its lag too', async () => {
  const { send, samples } = await startScraped()
  await send('/api/ops/faults', { store: 'down' })
  await send('/api/orders', ORIGINAL_BODY)
  const lag =
    'messaging_consumer_group_lag{messaging_destination_name="orders",messaging_consumer_group_name="order-processor"}'
  await expect.poll(samples, POLLING).toMatchObject({
    'orders_outage{of="store"}': 1,
    'orders_dependency_up{of="store"}': 0,
    'orders_dependency_up{of="log"}': 1,
    [lag]: 1,
  })
  await send('/api/ops/faults', {})
  await expect.poll(samples, POLLING).toMatchObject({
    'orders_outage{of="store"}': 0,
    'orders_outages_total{of="store"}': 1,
    'orders_dependency_up{of="store"}': 1,
    [lag]: 0,
  })
})
