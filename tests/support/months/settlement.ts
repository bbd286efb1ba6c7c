import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect } from 'vitest'
import type { ChangeView } from '../../../shared/domain/changes/change-view.ts'
import { FORGOTTEN } from '../../../shared/domain/forgetting/forgotten-data.ts'
import type { NewOrderCommand } from '../../../shared/domain/order-commands.ts'
import type { OrderView } from '../../../shared/domain/order-view.ts'
import type { DeadLetterSummary } from '../../../shared/ports/dead-letters.ts'
import { expectUndamaged, storedOrders } from '../orders/order-traffic.ts'
import { markOf } from '../orders/random-orders.ts'
import { pagesOf, type Product } from '../product/product.ts'
import { wasForgotten } from './forgotten.ts'
import type { Shop } from './shop.ts'

export type Settlement = Readonly<Record<'stored' | 'archived' | 'dead' | 'discarded', number>>

/**
 * Expects every accepted order to be in exactly one place: stored, archived, dead or discarded. The query for a single
 * order must agree with the list in which the order appears. Every stored order must be as its callers left it. Returns
 * how many orders are in each of these places.
 */
export async function expectSettled(product: Product, shop: Shop, archive: string): Promise<Settlement> {
  const { accepted, sent } = shop.traffic
  const stored = await storedOrders(product)
  const letters = await pagesOf<DeadLetterSummary>(product, '/api/dead-letters')
  const lettersOf = (state: string) =>
    new Set(letters.filter((letter) => letter.state === state && !letter.change).map(({ orderId }) => orderId))
  const [dead, discarded, filed] = [lettersOf('dead'), lettersOf('discarded'), ordersIn(archive)]
  const tally = { stored: 0, archived: 0, dead: 0, discarded: 0 }

  for (const [orderId, mark] of accepted) {
    const { status, body, text } = await product.ask(`/api/orders/${orderId}`)
    const about = `${orderId} ${mark}: ${text.slice(0, 300)}`
    const where = status === 410 ? 'archived' : WHERE[String(body['status'])]
    if (where === undefined) throw new Error(`The order is nowhere: ${about}`)
    tally[where] += 1
    expect(stored.has(orderId), about).toBe(where === 'stored')
    if (where === 'archived') expect(filed.has(orderId), about).toBe(true)
    if (where === 'dead') expect(dead.has(orderId), about).toBe(true)
    if (where === 'discarded') expect(discarded.has(orderId), about).toBe(true)
    if (where === 'stored') await expectContent(product, shop, body as unknown as OrderView, about)
  }
  expect(Object.values(tally).reduce((sum, some) => sum + some, 0)).toBe(accepted.size)
  expect(new Set(accepted.values()).size, 'an order has one id, however often it was sent').toBe(accepted.size)
  for (const view of stored.values()) {
    if (accepted.has(view.orderId) || view.forgotten === true) continue
    expectUndamaged(new Map([[view.orderId, asSent(view, sent)]]), sent, accepted)
  }
  return tally
}

const WHERE: Readonly<Record<string, keyof Settlement>> = {
  stored: 'stored',
  cancelled: 'stored',
  'dead-lettered': 'dead',
  discarded: 'discarded',
}

/** Expects the order to be as it was sent, but with the address of the last change that was applied. */
async function expectContent(product: Product, shop: Shop, view: OrderView, about: string): Promise<void> {
  const { sent, accepted } = shop.traffic
  const { items } = (await product.ask(`/api/orders/${view.orderId}/changes?limit=200`)).body as { items: ChangeView[] }
  const applied = items.filter(({ status }) => status === 'applied')
  expect(view.version, about).toBe(1 + applied.length)
  expect(view.status === 'cancelled', about).toBe(applied.some(({ kind }) => kind === 'cancel'))
  for (const [changeId, { orderId, kind }] of shop.changes) {
    if (orderId !== view.orderId) continue
    const found = items.find((one) => one.changeId === changeId)
    expect(found, `${changeId} ${about}`).toMatchObject({ kind, orderId })
    expect(DECIDED, `${changeId} ${found?.status} ${about}`).toContain(found?.status)
  }
  const mark = accepted.get(view.orderId) ?? ''
  const isForgotten = wasForgotten(shop.sendings.get(mark), shop.forgettings)
  if (isForgotten !== undefined) expect(view.forgotten === true, about).toBe(isForgotten)
  if (view.forgotten === true) {
    expect(Object.keys(view).filter((name) => PERSONAL.includes(name))).toEqual([])
    return
  }
  const last = applied
    .toSorted((one, other) => (other.version ?? 0) - (one.version ?? 0))
    .find(({ changes }) => changes?.shippingAddress !== undefined)
  const address = last?.changes?.shippingAddress ?? sent.get(mark)?.shippingAddress
  const isEdited = last === undefined && view.recovered === true
  if (!isEdited) expect(view.shippingAddress, about).toBe(address)
  const known = [sent.get(mark)?.shippingAddress, ...(shop.addresses.get(view.orderId) ?? [])]
  expect(known, about).toContain(view.shippingAddress)
  expectUndamaged(new Map([[view.orderId, asSent(view, sent, mark)]]), sent, accepted)
}

/** The final statuses of changes. A change waits only if it is behind a dead letter. */
const DECIDED = ['applied', 'rejected', 'dead-lettered', 'discarded', 'waiting']
const PERSONAL = [...Object.keys(FORGOTTEN), 'customerFullName', 'reference', 'metadata', 'cancellationReason']

/** The order with the shipping address with which it was placed. Changes and edits replace only the address. */
function asSent(view: OrderView, sent: ReadonlyMap<string, NewOrderCommand>, mark = markOf(view)): OrderView {
  const shippingAddress = sent.get(mark)?.shippingAddress
  return shippingAddress === undefined ? view : { ...view, shippingAddress }
}

/** Expects every record that cannot be read to be a dead letter, unless an operator discarded it. */
export async function expectPoisonKept(product: Product, count: number): Promise<void> {
  const letters = await pagesOf<DeadLetterSummary>(product, '/api/dead-letters')
  const unreadable = letters.filter(({ lastCause }) => lastCause.code === 'undecodable-record')
  // A redriven record that cannot be read becomes a new letter, which supersedes the old one.
  expect(unreadable.filter(({ state }) => state === 'dead' || state === 'discarded')).toHaveLength(count)
}

/** The ids of all orders in the files of an archive. */
function ordersIn(archive: string): ReadonlySet<string> {
  const files = readdirSync(archive).filter((name) => name.endsWith('.gz'))
  const lines = files.flatMap((name) =>
    gunzipSync(readFileSync(join(archive, name)))
      .toString()
      .trim()
      .split('\n'),
  )
  return new Set(lines.map((line) => (JSON.parse(line) as { orderId: string }).orderId))
}
