import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createSqliteStore } from '../../../shared/adapters/sqlite/sqlite-store.ts'
import type { RedriveTask } from '../../../shared/ports/redrives.ts'
import { letterOf, orderAt } from '../../contract/store-fixtures.ts'
import { createOperatedProduct, until, type Page } from '../../support/product/operated-product.ts'
import { delivered, messageOf, newOrder } from '../../support/orders/orders.ts'

const LETTERS = 120
const FEW = 20

const operated = createOperatedProduct()
const { product, ask, taskOf, ended, letters, balanced } = operated

/** Stores dead letters for valid orders, each letter with its own origin. The product must be stopped. */
async function keep(count: number, fingerprint: string, partition: number): Promise<void> {
  await using store = await createSqliteStore({ file: join(product.dataDir, 'orders.db') })
  const dead = Array.from({ length: count }, (_, offset) => {
    const event = newOrder()
    const { key, value, headers } = delivered(messageOf(event), { offset })
    const order = orderAt(offset, { orderId: event.orderId, origin: { topic: 'orders', partition, offset } })
    return letterOf(order, { key, value, headers, fingerprint })
  })
  await store.deadLetters.keep(dead)
}

async function redrive(fingerprint: string, ratePerSecond: number): Promise<string> {
  const { body } = await ask('POST', '/api/dead-letters/redrive', { fingerprint, ratePerSecond })
  return (body as RedriveTask).id
}

describe('a redrive of many', () => {
  beforeAll(async () => {
    await operated.open()
    await product.stop()
    await keep(LETTERS, 'many', 99)
    await keep(FEW, 'few', 98)
    await product.start()
  })
  afterAll(() => operated.close())

  test('survives repeated SIGKILLs: every order is stored once, and every letter has its outcome', async () => {
    const id = await redrive('many', 40)
    for (const resolved of [1, 20, 60]) {
      await until(
        () => taskOf(id),
        (task) => task.resolved >= resolved,
      )
      await product.kill()
      await product.start()
    }
    const task = await ended(id)
    expect(task).toMatchObject({ state: 'done', total: LETTERS, resolved: LETTERS, failed: 0, skipped: 0 })
    expect(await letters('state=resolved&limit=200')).toHaveLength(LETTERS)
    expect(await balanced()).toMatchObject({ balanced: true, totals: { accepted: 0, stored: LETTERS } })
    const { items } = (await ask('GET', '/api/orders?status=stored&limit=200')).body as Page<{ recovered?: boolean }>
    expect(items).toHaveLength(LETTERS)
    expect(items.every(({ recovered }) => recovered === true)).toBe(true)
  })

  test('stays cancelled after a restart', async () => {
    const id = await redrive('few', 1)
    await until(
      () => taskOf(id),
      ({ step }) => step > 0,
    )
    expect((await ask('POST', `/api/redrives/${id}/cancel`)).body).toMatchObject({ state: 'cancelled' })
    expect(await ask('POST', `/api/redrives/${id}/cancel`)).toMatchObject({
      status: 409,
      body: { detail: 'The redrive is cancelled.' },
    })
    const { waiting } = await until(
      () => taskOf(id),
      ({ pending }) => pending === 0,
    )
    expect(waiting).toBeGreaterThan(0)
    await product.kill()
    await product.start()
    // A task that is not cancelled would continue at its first poll.
    await sleep(1500)
    expect(await taskOf(id)).toMatchObject({ state: 'cancelled', waiting })
  })
})
