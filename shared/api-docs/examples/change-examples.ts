import type { ChangeView } from '../../domain/changes/change-view.ts'
import { EXAMPLE_ORDER_ID, EXAMPLE_STORED } from './examples.ts'

/** Examples for the API documents: an order's address is corrected, and then the order is cancelled. */

export const EXAMPLE_CHANGE_ID = '019a1c5f-02c8-7b10-8d44-91c07a3e25f0'
const CANCELLATION_ID = '019a1c60-5e31-7c02-a913-3d5f20b8c7d1'

export const EXAMPLE_AMENDMENT = { shippingAddress: '7 Example Road\n1010 Sampletown' } as const
export const EXAMPLE_CANCELLATION = { reason: 'Ordered twice.' } as const

const CHANGE = {
  orderId: EXAMPLE_ORDER_ID,
  changeId: EXAMPLE_CHANGE_ID,
  kind: 'amend',
  acceptedAt: '2026-01-31T12:00:34.120Z',
} as const
const CANCELLATION = {
  orderId: EXAMPLE_ORDER_ID,
  changeId: CANCELLATION_ID,
  kind: 'cancel',
  acceptedAt: '2026-01-31T12:02:03.057Z',
} as const

export const EXAMPLE_CHANGE_RECEIPT: ChangeView = { ...CHANGE, status: 'accepted' }
export const EXAMPLE_CANCELLATION_RECEIPT: ChangeView = { ...CANCELLATION, status: 'accepted' }

export const EXAMPLE_APPLIED: ChangeView = {
  ...CHANGE,
  status: 'applied',
  updatedAt: '2026-01-31T12:00:34.131Z',
  version: 2,
  changes: EXAMPLE_AMENDMENT,
}

export const EXAMPLE_WAITING: ChangeView = {
  ...CANCELLATION,
  status: 'waiting',
  updatedAt: '2026-01-31T12:02:03.066Z',
  behind: { kind: 'order', orderId: EXAMPLE_ORDER_ID, status: 'retrying' },
  ...EXAMPLE_CANCELLATION,
}

export const EXAMPLE_REJECTED: ChangeView = {
  ...CHANGE,
  status: 'rejected',
  updatedAt: '2026-01-31T12:00:34.131Z',
  expectedVersion: 1,
  cause: {
    code: 'version-conflict',
    detail: 'The change was made against version 1 of the order, which is now at version 2.',
  },
  changes: EXAMPLE_AMENDMENT,
}

export const EXAMPLE_AMENDED = {
  ...EXAMPLE_STORED,
  ...EXAMPLE_AMENDMENT,
  version: 2,
  updatedAt: '2026-01-31T12:00:34.131Z',
}

export const EXAMPLE_CANCELLED = {
  ...EXAMPLE_AMENDED,
  status: 'cancelled',
  version: 3,
  cancelledAt: CANCELLATION.acceptedAt,
  cancellationReason: EXAMPLE_CANCELLATION.reason,
  updatedAt: '2026-01-31T12:02:03.066Z',
}
