import { randomUUID } from 'node:crypto'
import { isOrderError, OrderError } from '../../domain/errors.ts'
import { bodyHash, newOrderJson } from '../../domain/order-events.ts'
import { classify } from '../../messaging/failure.ts'
import { holdThroughOutage, type HoldOptions } from '../../messaging/hold.ts'
import type { OrderStore, OrderToStore } from '../../ports/order-store.ts'

/**
 * A store that is locked or permanently throttled fails every order as if that order were the cause. So before a
 * failure is blamed on an order, a made-up order is stored in a transaction that is rolled back, which shows whether
 * the store is just busy. While the store is too busy even for this probe, the failure counts as an outage, and the
 * batch is held. Resolves with true if the batch had to be held; rejects with `store-unavailable` when `deadline` has
 * passed.
 */
export async function holdWhileBusy(
  store: Pick<OrderStore, 'previewBatch'>,
  options: Omit<HoldOptions, 'of'>,
): Promise<boolean> {
  let probes = 0
  await holdThroughOutage(
    async () => {
      probes += 1
      await probe(store)
    },
    { ...options, of: 'store' },
  )
  return probes > 1
}

async function probe(store: Pick<OrderStore, 'previewBatch'>): Promise<void> {
  try {
    await store.previewBatch({ orders: [nobodysOrder()] })
  } catch (error) {
    const failure = classify(error)
    if (failure.class === 'outage') throw error
    // Any other failure shows that the store was not too busy to process the probe.
    if (failure.class !== 'transient') return
    const detail = 'The store is too busy to take any orders.'
    // Azure may request a delay before the next attempt, and a probe counts as an attempt.
    const advised = isOrderError(error) ? error.retryAfterSeconds : undefined
    const wait = advised === undefined ? {} : { retryAfterSeconds: advised }
    throw new OrderError('store-unavailable', detail, { retriable: true, cause: error, ...wait })
  }
}

const NOBODYS = newOrderJson({
  customerId: 1,
  customerName: 'Probe',
  customerLastName: 'Probe',
  customerEmail: '',
  shippingAddress: '-',
  billingAddress: '-',
  currencyType: 'EUR',
  totalPrice: 0,
  paymentMethodType: 'Invoice',
  orderItems: [
    { itemCode: '-', brand: '-', type: '-', size: '', colour: '', quantity: 1, price: 0, currencyType: 'EUR' },
  ],
})

function nobodysOrder(): OrderToStore {
  return {
    origin: { topic: 'probe', partition: 0, offset: 0 },
    orderId: randomUUID(),
    acceptedAt: new Date(0).toISOString(),
    json: NOBODYS,
    bodyHash: bodyHash(NOBODYS),
    idempotencyKeyHash: null,
    redriveOf: null,
    supersedes: null,
  }
}
