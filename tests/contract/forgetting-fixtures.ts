import type { OrderChange } from '../../shared/domain/changes/order-changes.ts'
import { orderAt } from './store-fixtures.ts'

/** The customer who is forgotten. */
export const CUSTOMER = 48_213
export const PERSONAL = {
  customerName: 'Zelda',
  customerLastName: 'Quillfeather',
  customerEmail: 'zelda.quill@example.org',
  shippingAddress: '7 Umbral Lane',
  billingAddress: '9 Umbral Lane',
  reference: 'SHOP-QUILL',
  metadata: { note: 'for Zelda Quillfeather' },
}
export const WORDS = ['Zelda', 'Quillfeather', 'zelda.quill', 'Umbral', 'QUILL']

export const hers = (offset: number, changes: Parameters<typeof orderAt>[1] = {}) =>
  orderAt(offset, { ...changes, order: { customerId: CUSTOMER, ...PERSONAL, ...changes.order } })
export const moved = (shippingAddress: string): OrderChange => ({ kind: 'amend', amendment: { shippingAddress } })
