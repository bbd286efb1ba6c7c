import { hash } from 'node:crypto'
import type { ArchivedOrder } from '../../../domain/archived-order.ts'
import type { ExportedOrder } from '../../../ports/archive.ts'

/** Returns the document, with the hash by which the store recognises it, and the length of its JSON in bytes. */
export function toExported(order: ArchivedOrder): { readonly order: ExportedOrder; readonly bytes: number } {
  const json = JSON.stringify(order)
  return { order: { orderId: order.orderId, hash: hash('sha256', json), order }, bytes: Buffer.byteLength(json) }
}
