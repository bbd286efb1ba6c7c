import { describe, expect, it } from 'vitest'
import { createChangeOrder } from '../../../../shared/application/orders/change-order.ts'
import type { OrderChange } from '../../../../shared/domain/changes/order-changes.ts'
import { bodyHash, changeJson } from '../../../../shared/domain/order-events.ts'
import { changeKeyHash } from '../../../../shared/domain/order-id.ts'
import type { OrderView } from '../../../../shared/domain/order-view.ts'
import { readEvent } from '../../../../shared/messaging/records/envelope.ts'
import { createPipelineEmitter, type PipelineEvents } from '../../../../shared/messaging/pipeline-events.ts'
import type { KnownChange } from '../../../../shared/ports/order-store.ts'
import { createRecordingLog, logIsAway, storeIsAway } from '../../../support/fakes.ts'
import { delivered, testOrderIds } from '../../../support/orders/orders.ts'

const ORDER = testOrderIds.next(Date.UTC(2026, 0, 1))
const STRANGER = '019f0000-0000-7000-8000-000000000000'
const AMEND: OrderChange = { kind: 'amend', amendment: { totalPrice: 7 } }
const CANCEL: OrderChange = { kind: 'cancel', reason: 'found it cheaper' }
const withKey = { idempotencyKey: 'key' }

interface Given {
  view?: (orderId: string) => OrderView | undefined | Promise<undefined>
  archivedAt?: string
  known?: (keyHash: string) => KnownChange | undefined
  /** The store does not answer in time. */
  isLate?: boolean
}

function intake({ view = () => undefined, archivedAt, known = () => undefined, isLate = false }: Given = {}) {
  const log = createRecordingLog()
  const accepted: PipelineEvents['change:accepted'][] = []
  const events = createPipelineEmitter()
  events.on('change:accepted', (event) => accepted.push(event))
  const never = new Promise<never>(() => undefined)
  let deadlines = 0
  const changeOrder = createChangeOrder({
    log,
    store: { findChangeByIdempotencyKey: async (keyHash) => (isLate ? never : known(keyHash)) },
    views: { get: async (orderId) => (isLate ? never : view(orderId)), archivedAt: async () => archivedAt },
    orderIds: testOrderIds,
    topic: 'orders',
    events,
    clock: {
      async sleep() {
        deadlines += 1
        return isLate ? undefined : never
      },
    },
    now: () => new Date('2026-01-01T00:00:00Z'),
  })
  return { log, accepted, changeOrder, deadlines: () => deadlines }
}

const stored = (more: Partial<OrderView> = {}): OrderView => ({ orderId: ORDER, status: 'stored', version: 3, ...more })
const away = () => {
  throw storeIsAway()
}

describe('changing an order', () => {
  it.each([AMEND, CANCEL])('gives an id of this order once the log has the event: $kind', async (change) => {
    const { log, accepted, changeOrder } = intake({ view: () => stored() })
    const { changeId, acceptedAt } = await changeOrder(ORDER, change, {})
    expect(testOrderIds.isIssuedChange(ORDER, changeId)).toBe(true)
    expect(log.published).toMatchObject([{ topic: 'orders', record: { key: ORDER } }])
    const origin = { topic: 'orders', partition: 0, offset: 0 }
    const event = readEvent(delivered(log.published[0]!.record, origin), origin)
    expect(event).toMatchObject({ orderId: ORDER, changeId, acceptedAt, change, idempotencyKeyHash: null })
    expect(accepted).toMatchObject([{ orderId: ORDER, changeId, kind: change.kind }])
  })

  it('gives no id when the log is unavailable', async () => {
    const { log, accepted, changeOrder } = intake()
    log.refuseWith(logIsAway)
    await expect(changeOrder(ORDER, AMEND, {})).rejects.toMatchObject({ code: 'log-unavailable', retriable: true })
    expect(accepted).toEqual([])
  })

  it.each<[string, Given]>([
    ['does not know it yet', {}],
    ['is unavailable', { view: away, known: away }],
    ['does not answer in time', { isLate: true }],
  ])('is accepted for an id that was issued while the store %s', async (_, given) => {
    await expect(intake(given).changeOrder(ORDER, AMEND, {})).resolves.toHaveProperty('changeId')
    await expect(intake(given).changeOrder(ORDER, AMEND, withKey)).resolves.toHaveProperty('changeId')
  })

  it.each<[string, Given, string]>([
    ['the store says so', {}, 'order-not-found'],
    ['the store is unavailable', { view: away }, 'store-unavailable'],
    ['the store does not answer in time', { isLate: true }, 'store-unavailable'],
  ])('under an id that nobody issued is refused, where %s', async (_, given, code) => {
    const { log, changeOrder } = intake(given)
    await expect(changeOrder(STRANGER, AMEND, {})).rejects.toMatchObject({ code })
    expect(log.published).toEqual([])
  })

  it('of another producer is accepted when the store knows its order', async () => {
    const { changeOrder } = intake({ view: (orderId) => stored({ orderId }) })
    await expect(changeOrder(STRANGER, AMEND, {})).resolves.toHaveProperty('changeId')
  })

  it.each([ORDER, STRANGER])('of an archived order is refused with the time: %s', async (orderId) => {
    const archivedAt = '2026-02-01T00:00:00.000Z'
    const { log, changeOrder } = intake({ archivedAt })
    const message = expect.stringContaining(archivedAt) as string
    await expect(changeOrder(orderId, AMEND, {})).rejects.toMatchObject({ code: 'order-archived', message })
    expect(log.published).toEqual([])
  })

  it.each<[Partial<OrderView>, OrderChange, string]>([
    [{ status: 'cancelled', cancelledAt: '2026-01-01T00:00:00.000Z' }, AMEND, 'order-cancelled'],
    [{ status: 'cancelled', cancelledAt: '2026-01-01T00:00:00.000Z' }, CANCEL, 'order-cancelled'],
    [{ status: 'discarded' }, CANCEL, 'order-discarded'],
    [{}, { ...AMEND, expectedVersion: 2 }, 'precondition-failed'],
    [{}, { ...AMEND, expectedVersion: 0 }, 'precondition-failed'],
  ])('that comes too late is refused at once if the store knows that: %j, %j', async (view, change, code) => {
    const { log, changeOrder } = intake({ view: () => stored(view) })
    await expect(changeOrder(ORDER, change, {})).rejects.toMatchObject({ code, retriable: false })
    expect(log.published).toEqual([])
  })

  it.each<[OrderChange, 'is refused' | 'is accepted']>([
    [{ kind: 'amend', amendment: { totalPrice: 7, shippingAddress: '7 Secret Lane' } }, 'is refused'],
    [{ kind: 'amend', amendment: { customerEmail: 'sue@example.com' } }, 'is refused'],
    [CANCEL, 'is refused'],
    [AMEND, 'is accepted'],
    [{ kind: 'cancel' }, 'is accepted'],
  ])('of a forgotten customer’s order: %j %s', async (change, verdict) => {
    const { log, changeOrder } = intake({ view: () => stored({ forgotten: true }) })
    const answer = changeOrder(ORDER, change, {})
    if (verdict === 'is accepted') await expect(answer).resolves.toHaveProperty('changeId')
    else await expect(answer).rejects.toMatchObject({ code: 'conflict', retriable: false })
    expect(log.published).toHaveLength(verdict === 'is accepted' ? 1 : 0)
  })

  it('with personal data that was accepted before the customer was forgotten is still a repeat', async () => {
    const known = { changeId: 'first', bodyHash: bodyHash(changeJson(CANCEL)), acceptedAt: '2026-01-01T00:00:00.000Z' }
    const { changeOrder } = intake({ view: () => stored({ forgotten: true }), known: () => known })
    expect(await changeOrder(ORDER, CANCEL, withKey)).toMatchObject({ changeId: 'first', replayed: true })
  })

  it.each<[string, Given]>([
    ['does not know the order yet', {}],
    ['is unavailable', { view: away }],
  ])('for an ETag that no version has is refused at once, even if the store %s', async (_, given) => {
    const { log, changeOrder } = intake(given)
    const refused = changeOrder(ORDER, { ...AMEND, expectedVersion: 0 }, {})
    await expect(refused).rejects.toMatchObject({ code: 'precondition-failed' })
    expect(log.published).toEqual([])
  })

  it('of an unknown order is not found, even for an ETag that no version has', async () => {
    const refused = intake().changeOrder(STRANGER, { ...AMEND, expectedVersion: 0 }, {})
    await expect(refused).rejects.toMatchObject({ code: 'order-not-found' })
  })

  it.each([3, 4])('for version %i, which the store has or may have by then, is accepted', async (expectedVersion) => {
    const { changeOrder } = intake({ view: () => stored() })
    await expect(changeOrder(ORDER, { ...AMEND, expectedVersion }, {})).resolves.toHaveProperty('changeId')
  })

  it.each(['retrying', 'dead-lettered'] as const)('of an order that is %s is accepted, and waits', async (status) => {
    const { changeOrder } = intake({ view: () => ({ orderId: ORDER, status }) })
    await expect(changeOrder(ORDER, AMEND, {})).resolves.toHaveProperty('changeId')
  })
})

describe('changing an order with an Idempotency-Key', () => {
  it('again gives the same id and publishes nothing more, also when the order is cancelled by then', async () => {
    let isCancelled = false
    const view = () => stored(isCancelled ? { status: 'cancelled' } : {})
    const { log, changeOrder } = intake({ view })
    const first = await changeOrder(ORDER, CANCEL, withKey)
    isCancelled = true
    expect(await changeOrder(ORDER, CANCEL, withKey)).toEqual({ ...first, replayed: true })
    expect(log.published).toHaveLength(1)
  })

  it('gives the same id on another instance that knows nothing', async () => {
    const first = await intake().changeOrder(ORDER, AMEND, withKey)
    expect((await intake().changeOrder(ORDER, AMEND, withKey)).changeId).toBe(first.changeId)
  })

  it.each<[string, OrderChange, Partial<OrderView>]>([
    ['a cancellation', CANCEL, { status: 'cancelled', cancelledAt: '2026-01-01T00:00:00.000Z' }],
    ['a change for a version', { ...AMEND, expectedVersion: 3 }, { version: 4 }],
  ])('again is no refusal when the store applies %s between the lookups', async (_, change, applied) => {
    const first = { changeId: 'first', bodyHash: bodyHash(changeJson(change)), acceptedAt: '2026-01-01T00:00:00.000Z' }
    let isApplied = false
    const lookedUp = <T>(before: T, after: T) => {
      const answer = isApplied ? after : before
      isApplied = true
      return answer
    }
    const { log, changeOrder } = intake({
      view: () => lookedUp(stored(), stored(applied)),
      known: () => lookedUp(undefined, first),
    })
    expect(await changeOrder(ORDER, change, withKey)).toMatchObject({ changeId: 'first', replayed: true })
    expect(log.published).toEqual([])
  })

  it('waits for a late store once, although it asks for the order and for the key', async () => {
    const { changeOrder, deadlines } = intake({ isLate: true })
    await changeOrder(ORDER, AMEND, withKey)
    expect(deadlines()).toBe(1)
  })

  it('gives the id that the store knows', async () => {
    const known = { changeId: 'known', bodyHash: bodyHash(changeJson(AMEND)), acceptedAt: '2026-01-01T00:00:00.000Z' }
    const { log, changeOrder } = intake({
      known: (keyHash) => (keyHash === changeKeyHash(ORDER, 'key') ? known : undefined),
    })
    expect(await changeOrder(ORDER, AMEND, withKey)).toMatchObject({ changeId: 'known', replayed: true })
    expect(log.published).toEqual([])
  })

  it('is a repeat if the known id was derived from it, whatever the store has as the body', async () => {
    const { changeId } = await intake().changeOrder(ORDER, AMEND, withKey)
    const known = { changeId, bodyHash: 'of another body', acceptedAt: '2026-01-01T00:00:00.000Z' }
    const { log, changeOrder } = intake({ known: () => known })
    expect(await changeOrder(ORDER, AMEND, withKey)).toMatchObject({ changeId, replayed: true })
    expect(log.published).toEqual([])
  })

  it.each<[string, OrderChange]>([
    ['another body', { kind: 'amend', amendment: { totalPrice: 8 } }],
    ['another kind', CANCEL],
    ['another version', { ...AMEND, expectedVersion: 1 }],
  ])('and %s is refused by an instance that knows the key', async (_, other) => {
    const { log, changeOrder } = intake()
    await changeOrder(ORDER, AMEND, withKey)
    await expect(changeOrder(ORDER, other, withKey)).rejects.toMatchObject({ code: 'idempotency-key-reused' })
    expect(log.published).toHaveLength(1)
  })

  it('is another change for another order', async () => {
    const { log, changeOrder } = intake()
    const [one, two] = [
      await changeOrder(ORDER, AMEND, withKey),
      await changeOrder(testOrderIds.next(Date.UTC(2026, 0, 2)), AMEND, withKey),
    ]
    expect(two.changeId).not.toBe(one.changeId)
    expect(log.published).toHaveLength(2)
  })

  it('that was refused is not marked as used', async () => {
    let status: OrderView['status'] = 'discarded'
    const { changeOrder } = intake({ view: () => stored({ status }) })
    await expect(changeOrder(ORDER, AMEND, withKey)).rejects.toMatchObject({ code: 'order-discarded' })
    status = 'stored'
    await expect(changeOrder(ORDER, CANCEL, withKey)).resolves.toHaveProperty('changeId')
  })

  it('that comes in twenty requests at once makes one change', async () => {
    const { log, changeOrder } = intake()
    const answers = await Promise.all(Array.from({ length: 20 }, () => changeOrder(ORDER, AMEND, withKey)))
    expect(new Set(answers.map(({ changeId }) => changeId)).size).toBe(1)
    expect(log.published).toHaveLength(1)
  })
})
