import type { ArchivedOrder } from '../../domain/archived-order.ts'
import { longDescription } from '../../domain/order-view.ts'

/** Examples for the documents. */

export const EXAMPLE_ORDER_ID = '019a1c5e-7d40-7a3f-9c21-5b0de84f61aa'

export const EXAMPLE_HASH = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824'

export const EXAMPLE_ORDER = {
  customerId: 48213,
  customerName: 'Alex',
  customerLastName: 'Example',
  customerEmail: 'alex@example.com',
  shippingAddress: '12 Sample Street\n1010 Sampletown',
  billingAddress: '12 Sample Street\n1010 Sampletown',
  currencyType: 'EUR',
  totalPrice: 187.35,
  paymentMethodType: 'CreditCard',
  orderItems: [
    item('TRK-2041', 'Northfell', 'Trail running shoe', '42', 'Graphite', 1, 119.9),
    item('SCK-0007', 'Northfell', 'Merino sock', 'M', 'Ocean blue', 3, 12.5),
    item('BTL-0500', 'Clearwell', 'Steel bottle', '500 ml', '', 1, 34.75),
  ],
} as const

function item(
  itemCode: string,
  brand: string,
  type: string,
  size: string,
  colour: string,
  quantity: number,
  price: number,
) {
  return { itemCode, brand, type, size, colour, quantity, price, currencyType: 'EUR' } as const
}

export const EXAMPLE_RECEIPT = {
  orderId: EXAMPLE_ORDER_ID,
  acceptedAt: '2026-01-31T12:00:00.000Z',
  status: 'accepted',
} as const

export const EXAMPLE_STORED = {
  orderId: EXAMPLE_ORDER_ID,
  status: 'stored',
  acceptedAt: '2026-01-31T12:00:00.000Z',
  storedAt: '2026-01-31T12:00:00.084Z',
  version: 1,
  updatedAt: '2026-01-31T12:00:00.084Z',
  ...EXAMPLE_ORDER,
  customerFullName: 'Alex Example',
  orderItems: EXAMPLE_ORDER.orderItems.map((line) => ({ ...line, longDescription: longDescription(line) })),
}

/** The same order as a document in an archive. */
export const EXAMPLE_ARCHIVED: ArchivedOrder = {
  orderId: EXAMPLE_ORDER_ID,
  acceptedAt: EXAMPLE_STORED.acceptedAt,
  order: { ...EXAMPLE_ORDER, orderItems: [...EXAMPLE_ORDER.orderItems] },
  stored: {
    storedAt: EXAMPLE_STORED.storedAt,
    origin: { topic: 'orders', partition: 2, offset: 41 },
    bodyHash: EXAMPLE_HASH,
    idempotencyKeyHash: null,
    recovered: false,
    version: 1,
    cancelledAt: null,
    cancellationReason: null,
  },
  discarded: null,
  changes: [],
  history: [],
}

export const EXAMPLE_RETRYING = {
  orderId: EXAMPLE_ORDER_ID,
  status: 'retrying',
  acceptedAt: '2026-01-31T12:00:00.000Z',
  attempt: 2,
  maxAttempts: 4,
  nextAttemptAt: '2026-01-31T12:01:10.000Z',
  cause: { code: 'store-busy', detail: 'The store was busy.' },
  updatedAt: '2026-01-31T12:00:10.000Z',
} as const

export const EXAMPLE_HISTORY = {
  orderId: EXAMPLE_ORDER_ID,
  items: [
    { at: '2026-01-31T12:00:00.000Z', kind: 'accepted' },
    {
      at: '2026-01-31T12:00:00.210Z',
      kind: 'attempt-failed',
      attempt: 1,
      nextAttemptAt: '2026-01-31T12:00:10.210Z',
      cause: { code: 'store-busy', detail: 'The store was busy.' },
    },
    { at: '2026-01-31T12:00:10.260Z', kind: 'stored' },
  ],
  nextCursor: null,
} as const
