import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Forgotten } from '../../../shared/application/forgetting/forgotten.ts'
import type { DeadLetterSummary } from '../../../shared/ports/dead-letters.ts'
import type { OrderView } from '../../../shared/domain/order-view.ts'
import { fileTexts } from '../../support/disk/file-texts.ts'
import { ORIGINAL_BODY } from '../../support/orders/orders.ts'
import { ops } from '../../support/product/ops-cli.ts'
import { until } from '../../support/product/operated-product.ts'
import { createProduct } from '../../support/product/product.ts'

const CUSTOMER = 48_213
const PERSONAL = {
  customerName: 'Zyxelda',
  customerLastName: 'Quillfeather',
  customerEmail: 'zyxelda.quill7@post.example',
  shippingAddress: '7 Umbralwick Lane\n90210 Nowhereville',
  billingAddress: '9 Ostrander Mews',
  reference: 'SHOP-QWERTZUI',
  metadata: { note: 'a gift for grandmother Brunhildegard' },
}
const AMENDED = { customerLastName: 'Featherstonehaugh', shippingAddress: '11 Mulligrub Close' }
const EDITED = { billingAddress: '13 Kerfuffle Yard' }
const REASON = 'Because Theodolphus is ill'
/** Complete values, and single words in the form in which the search index stores them. */
const NEEDLES = [
  ...[PERSONAL, AMENDED, EDITED].flatMap((some) => Object.values(some)).filter((value) => typeof value === 'string'),
  ...'zyxelda quillfeather quill7 umbralwick nowhereville ostrander qwertzui brunhildegard'.split(' '),
  ...'featherstonehaugh mulligrub kerfuffle theodolphus'.split(' '),
].map((value) => value.toLowerCase())
const SETTINGS = { LOG_LEVEL: 'fatal', FAULTS: 'on', RETRY_DELAYS: '100ms,6s' }

/** The needles that each file in the directory contains. JSON writes a line break as two characters. */
function findings(directory: string): string[] {
  return [...fileTexts(directory)].flatMap(([name, bytes]) => {
    const text = bytes.toLowerCase()
    return NEEDLES.filter((needle) => text.includes(needle) || text.includes(needle.replaceAll('\n', '\\n'))).map(
      (needle) => `${name}: ${needle}`,
    )
  })
}

describe('a customer who asks to be forgotten', () => {
  const directory = mkdtempSync(join(tmpdir(), 'forget-'))
  const product = createProduct(join(directory, 'data'), SETTINGS)
  const order = { ...ORIGINAL_BODY, ...PERSONAL, customerId: CUSTOMER }
  const place = async (body: object, seconds = 5) => {
    const headers = { prefer: `wait=${seconds}` }
    return String((await product.ask('/api/orders', { method: 'POST', body, headers })).body['orderId'])
  }
  const change = async (id: string, body: object, seconds = 5) => {
    const headers = { 'content-type': 'application/merge-patch+json', prefer: `wait=${seconds}` }
    return product.ask(`/api/orders/${id}`, { method: 'PATCH', body, headers })
  }
  const view = async (id: string) => (await product.ask(`/api/orders/${id}`)).body as unknown as OrderView
  const statusOf = async (id: string, status: string) =>
    until(
      () => view(id),
      (seen) => seen.status === status,
    )
  /** Waits for the letter, because it is kept a moment after its order is dead-lettered. */
  const letterOf = async (orderId: string) => {
    const list = async () => (await product.operate(`/api/dead-letters?orderId=${orderId}&state=dead`)).body
    const { items } = await until(list, (seen) => (seen['items'] as unknown[]).length > 0)
    return (items as DeadLetterSummary[])[0]?.id
  }
  const command = (...words: string[]) =>
    ops(['forget', ...words, '--json'], { OPS_URL: product.url, FUNCTIONS_KEY: product.key })
  const forget = async (...words: string[]) => {
    const { exit, out, err } = await command('--customer', String(CUSTOMER), ...words)
    expect([exit, err]).toEqual([0, ''])
    return JSON.parse(out) as Forgotten
  }

  beforeAll(() => product.start())
  afterAll(async () => {
    if (product.isRunning) await product.stop()
    rmSync(directory, { recursive: true })
  })

  test('is forgotten once by two requests at the same time, and both see the outcome', async () => {
    const body = { reason: 'Asked for it.' }
    const repeat = async () => product.operate('/api/customers/77/forget', { method: 'POST', body })
    const answers = await Promise.all([repeat(), repeat(), repeat()])
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    const { body: audit } = await product.operate('/api/audit')
    expect((audit['items'] as { action: string }[]).map(({ action }) => action)).toEqual(['forget'])
  })

  test('leaves no value in any file, now and after retries, a restart, a rebuild and redrives', async () => {
    const stored = await place(order)
    expect((await change(stored, AMENDED)).status).toBe(200)
    await product.ask(`/api/orders/${stored}/cancel`, { method: 'POST', body: { reason: REASON } })
    const other = await place({ ...ORIGINAL_BODY, customerId: 2 })

    // When the customer is forgotten, one order has a dead letter whose edit is being retried, and another order is
    // waiting for its second retry.
    await product.breaks({ throwForCustomers: [CUSTOMER] })
    const dead = await place(order, 0)
    await change(dead, AMENDED, 0)
    await statusOf(dead, 'dead-lettered')
    const edit = { ...order, ...EDITED }
    await product.operate(`/api/dead-letters/${await letterOf(dead)}/payload`, { method: 'PUT', body: edit })
    const waiting = await place(order, 0)
    await change(waiting, AMENDED, 0)
    await until(
      () => view(waiting),
      ({ attempt }) => attempt === 2,
    )
    expect(findings(product.dataDir).length).toBeGreaterThan(20)

    const before = await forget('--dry-run')
    expect(before).toMatchObject({
      dryRun: true,
      store: { orders: 1, unstored: 2, retrying: 2, changes: 4, waitingChanges: 2, deadLetters: 1, edits: 1 },
      log: { redacts: true },
    })
    expect(findings(product.dataDir).length).toBeGreaterThan(20)
    const etag = (await product.ask(`/api/orders/${stored}`)).headers.get('etag')

    const done = await forget('--reason', 'Asked for it.')
    expect(done).toMatchObject({ dryRun: false, store: before.store, log: { records: before.log.records } })
    expect(findings(product.dataDir)).toEqual([])
    expect((await product.ask(`/api/orders/${stored}`)).headers.get('etag')).not.toBe(etag)
    expect(await view(stored)).toMatchObject({ status: 'cancelled', version: 3, forgotten: true, customerId: CUSTOMER })
    expect(await view(stored)).not.toHaveProperty('cancellationReason')

    // The consumer has had the waiting record in memory since before the request, and dead-letters it only now.
    await statusOf(waiting, 'dead-lettered')
    await product.settled()
    expect(findings(product.dataDir)).toEqual([])
    expect(await product.stop()).toBe(0)
    expect(findings(product.dataDir)).toEqual([])

    await product.start()
    await product.operate('/api/ops/rebuild', { method: 'POST' })
    await until(
      async () => (await product.operate('/api/ops/rebuild')).body['rebuild'] as { state: string },
      ({ state }) => state === 'done',
    )
    await product.operate('/api/dead-letters/redrive', { method: 'POST', body: { all: true } })
    for (const id of [dead, waiting]) {
      const seen = await statusOf(id, 'stored')
      expect(seen).toMatchObject({ forgotten: true, version: 2, customerId: CUSTOMER })
      expect(seen).not.toHaveProperty('customerName')
    }
    await product.settled()
    expect(await product.ledger()).toMatchObject({ balanced: true, gaps: [] })
    expect(await forget('--dry-run')).toMatchObject({ store: { orders: 0, changes: 0 }, log: { records: 0 } })
    expect(await view(other)).toMatchObject({ customerName: 'Alex', status: 'stored' })
    expect((await product.operate('/api/audit')).text).not.toMatch(/zyxelda/i)
    expect(await product.stop()).toBe(0)
    expect(findings(product.dataDir)).toEqual([])

    await product.start()
    const later = await place(order)
    expect(await view(later)).toMatchObject({ ...PERSONAL, status: 'stored' })
  }, 120_000)

  test.each([{ RETRY_DELAYS: '100ms' }, { ORDERS_TOPIC: 'orders-of-2027' }])(
    'leaves no value in topics that are no longer used after a restart with %j',
    async (changed) => {
      const dataDir = join(directory, JSON.stringify(changed).replaceAll(/\W/g, ''))
      const settings = { ...SETTINGS, RETRY_DELAYS: '100ms,25m' }
      const before = createProduct(dataDir, settings)
      await before.start()
      await before.breaks({ throwForCustomers: [CUSTOMER] })
      const { body } = await before.ask('/api/orders', { method: 'POST', body: order })
      const attempt = async () => (await before.ask(`/api/orders/${String(body['orderId'])}`)).body['attempt']
      await until(attempt, (seen) => seen === 2)
      expect(await before.stop()).toBe(0)
      expect(findings(dataDir).length).toBeGreaterThan(0)

      const after = createProduct(dataDir, { ...settings, ...changed })
      await after.start()
      const forgetHere = async (asked: object) =>
        (await after.operate(`/api/customers/${CUSTOMER}/forget`, { method: 'POST', body: asked })).body
      // The order, and its copies in both retry topics.
      expect(await forgetHere({ dryRun: true })).toMatchObject({ log: { records: 3 } })
      expect(await forgetHere({ reason: 'Asked for it.' })).toMatchObject({ log: { records: 3 } })
      expect(findings(dataDir)).toEqual([])
      expect(await after.stop()).toBe(0)
    },
    60_000,
  )

  test.each([
    [['--customer', '0', '--dry-run'], 4, 'customer id must be a whole number'],
    [['--customer', 'Zoe', '--dry-run'], 4, 'customer id must be a whole number'],
    [['--customer', '7'], 2, '--reason is missing'],
    [['--dry-run'], 2, '--customer is missing'],
  ])('is refused in one line for %j', async (words, exit, told) => {
    const answer = await command(...words)
    expect(answer).toMatchObject({ exit, err: expect.stringContaining(told) })
    expect(answer.err.trim().split('\n').length).toBeLessThan(4)
  })

  test('without a reason gets 400, and an unknown customer gets zeros', async () => {
    const path = '/api/customers/99/forget'
    const headers = { 'x-functions-key': product.key }
    expect((await product.ask(path, { method: 'POST', body: {}, headers })).status).toBe(400)
    expect((await product.ask(path, { method: 'POST', body: {} })).status).toBe(401)
    const { body } = await product.operate(path, { method: 'POST', body: { reason: 'Asked.' } })
    expect(body).toMatchObject({
      store: { orders: 0 },
      log: { records: 0 },
      summary: expect.stringMatching(/^Nothing/),
    })
  })
})
