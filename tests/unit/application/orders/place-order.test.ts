import { describe, expect, it } from 'vitest'
import { createPlaceOrder } from '../../../../shared/application/orders/place-order.ts'
import { bodyHash, newOrderJson } from '../../../../shared/domain/order-events.ts'
import { createPipelineEmitter } from '../../../../shared/messaging/pipeline-events.ts'
import { createPublishedHere } from '../../../../shared/messaging/records/published-here.ts'
import type { KnownOrder } from '../../../../shared/ports/order-store.ts'
import { createRecordingLog, logIsAway, storeIsAway } from '../../../support/fakes.ts'
import { orderCommand, testOrderIds } from '../../../support/orders/orders.ts'

const OTHER = orderCommand({ totalPrice: 1 })

function intake(known: (keyHash: string) => KnownOrder | undefined = () => undefined) {
  const log = createRecordingLog()
  const publishedHere = createPublishedHere()
  const placeOrder = createPlaceOrder({
    log,
    store: { findByIdempotencyKey: async (keyHash) => known(keyHash) },
    orderIds: testOrderIds,
    topic: 'orders',
    publishedHere,
    events: createPipelineEmitter(),
    clock: { sleep: () => new Promise(() => undefined) },
    now: () => new Date('2026-01-01T00:00:00Z'),
  })
  return { log, publishedHere, placeOrder }
}

describe('placing an order', () => {
  it('returns an id only once the log has the event', async () => {
    const { log, placeOrder } = intake()
    const { orderId } = await placeOrder(orderCommand(), {})
    expect(testOrderIds.isIssued(orderId)).toBe(true)
    expect(log.published).toMatchObject([{ topic: 'orders', record: { key: orderId } }])
  })

  it('keeps its JSON for the moment when this process reads it back', async () => {
    const { publishedHere, placeOrder } = intake()
    const { orderId } = await placeOrder(orderCommand(), {})
    expect(publishedHere.take(orderId, newOrderJson(orderCommand()))).toBe(true)
  })

  it('returns no id when the log is unavailable', async () => {
    const { log, placeOrder } = intake()
    log.refuseWith(logIsAway)
    await expect(placeOrder(orderCommand(), {})).rejects.toMatchObject({ code: 'log-unavailable', retriable: true })
  })

  it('twice without an Idempotency-Key makes two orders', async () => {
    const { placeOrder } = intake()
    const [one, two] = [await placeOrder(orderCommand(), {}), await placeOrder(orderCommand(), {})]
    expect(one.orderId).not.toBe(two.orderId)
  })
})

describe('placing an order with an Idempotency-Key', () => {
  const withKey = { idempotencyKey: 'key' }

  it('again gives the same id and publishes nothing more', async () => {
    const { log, placeOrder } = intake()
    const first = await placeOrder(orderCommand(), withKey)
    expect(first).not.toHaveProperty('replayed')
    expect(await placeOrder(orderCommand(), withKey)).toEqual({ ...first, replayed: true })
    expect(log.published).toHaveLength(1)
  })

  it('gives the same id on another instance that knows nothing', async () => {
    const first = await intake().placeOrder(orderCommand(), withKey)
    expect((await intake().placeOrder(orderCommand(), withKey)).orderId).toBe(first.orderId)
  })

  it('and another body is refused by an instance that knows the key', async () => {
    const { log, placeOrder } = intake()
    await placeOrder(orderCommand(), withKey)
    await expect(placeOrder(OTHER, withKey)).rejects.toMatchObject({ code: 'idempotency-key-reused' })
    expect(log.published).toHaveLength(1)
  })

  it('and another body is refused when the store knows the key', async () => {
    const known = { orderId: 'id', bodyHash: 'of another body', acceptedAt: '2026-01-01T00:00:00.000Z' }
    await expect(intake(() => known).placeOrder(OTHER, withKey)).rejects.toMatchObject({
      code: 'idempotency-key-reused',
    })
  })

  it('is a repeat of the body that the caller sent, and not of the body into which an operator edited it', async () => {
    const { orderId } = await intake().placeOrder(orderCommand(), withKey)
    const edited = { orderId, bodyHash: bodyHash(newOrderJson(OTHER)), acceptedAt: '2026-01-01T00:00:00.000Z' }
    const { placeOrder, log } = intake(() => edited)
    expect(await placeOrder(orderCommand(), withKey)).toMatchObject({ orderId, replayed: true })
    await expect(placeOrder(OTHER, withKey)).rejects.toMatchObject({ code: 'idempotency-key-reused' })
    const answers = await Promise.allSettled([placeOrder(OTHER, withKey), placeOrder(orderCommand(), withKey)])
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
    expect(log.published).toEqual([])
  })

  it('and another body gets its own id where nobody knows the key yet; the store decides later', async () => {
    const one = await intake().placeOrder(orderCommand(), withKey)
    const two = await intake().placeOrder(OTHER, withKey)
    expect(two.orderId).not.toBe(one.orderId)
  })

  it('is accepted while the store is unavailable', async () => {
    const { placeOrder } = intake(() => {
      throw storeIsAway()
    })
    await expect(placeOrder(orderCommand(), withKey)).resolves.toHaveProperty('orderId')
  })

  it('is not marked as used when the log refused it', async () => {
    const { log, placeOrder } = intake()
    log.refuseWith(logIsAway)
    await expect(placeOrder(orderCommand(), withKey)).rejects.toThrow()
    log.refuseWith(() => undefined)
    await expect(placeOrder(OTHER, withKey)).resolves.toHaveProperty('orderId')
  })

  describe('in twenty concurrent requests', () => {
    const twenty = (orderOf: (index: number) => ReturnType<typeof orderCommand>, { placeOrder } = intake()) =>
      Promise.allSettled(Array.from({ length: 20 }, (_, index) => placeOrder(orderOf(index), withKey)))

    it('with a different order each, accepts one order and refuses the others', async () => {
      const product = intake()
      const answers = await twenty((index) => orderCommand({ totalPrice: index }), product)
      expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as unknown] : []))
      expect(refused).toEqual(
        Array.from({ length: 19 }, () => expect.objectContaining({ code: 'idempotency-key-reused' })),
      )
      expect(product.log.published).toHaveLength(1)
    })

    it('with the same order, answers all alike and publishes it once', async () => {
      const product = intake()
      const [first, ...others] = await twenty(() => orderCommand(), product)
      expect(first).toMatchObject({ status: 'fulfilled', value: { orderId: expect.any(String) as string } })
      const accepted = first?.status === 'fulfilled' ? first.value : undefined
      expect(accepted).not.toHaveProperty('replayed')
      expect(others).toEqual(others.map(() => ({ status: 'fulfilled', value: { ...accepted, replayed: true } })))
      expect(product.log.published).toHaveLength(1)
    })

    it('when the store knows the key, returns its order to the requests that match it, in any order of arrival', async () => {
      const stored = { orderId: 'id', bodyHash: bodyHash(newOrderJson(OTHER)), acceptedAt: '2026-01-01T00:00:00.000Z' }
      const answers = await twenty(
        (index) => (index === 7 ? OTHER : orderCommand()),
        intake(() => stored),
      )
      expect(answers.flatMap(({ status }, index) => (status === 'fulfilled' ? [index] : []))).toEqual([7])
    })

    it('when the log is unavailable, refuses all alike and frees the key again', async () => {
      const product = intake()
      product.log.refuseWith(logIsAway)
      const answers = await twenty((index) => orderCommand({ totalPrice: index }), product)
      expect(answers).toEqual(
        answers.map(() => ({
          status: 'rejected',
          reason: expect.objectContaining({ code: 'log-unavailable' }) as Error,
        })),
      )
      product.log.refuseWith(() => undefined)
      await expect(product.placeOrder(OTHER, withKey)).resolves.toHaveProperty('orderId')
    })
  })
})
