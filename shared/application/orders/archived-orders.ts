import { OrderError } from '../../domain/errors.ts'
import type { OrderViews } from '../../ports/order-views.ts'

type Views = Pick<OrderViews, 'archivedAt'>

export interface FoundOrArchived<T> {
  readonly found: T | undefined
  /** RFC 3339. Set only if nothing was found. */
  readonly archivedAt: string | undefined
}

/**
 * Looks for something that belongs to an order and, if nothing is found, for the order's tombstone. The two reads see
 * the store at different moments. If the order is archived between them, the first read has already found it. If the
 * order is restored between them, neither read finds anything, so `find` is called once more. This third read would
 * miss the order only if somebody exported and archived it again between the last two reads.
 */
export async function findOrArchived<T>(
  orderId: string,
  views: Views,
  find: () => Promise<T | undefined>,
): Promise<FoundOrArchived<T>> {
  const found = await find()
  if (found !== undefined) return { found, archivedAt: undefined }
  const archivedAt = await views.archivedAt(orderId)
  return archivedAt === undefined ? { found: await find(), archivedAt } : { found, archivedAt }
}

/** Like `findOrArchived`, but throws `order-archived` if the order is archived. */
export async function findUnlessArchived<T>(
  orderId: string,
  views: Views,
  find: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const { found, archivedAt } = await findOrArchived(orderId, views, find)
  if (archivedAt !== undefined) throw orderArchived(archivedAt)
  return found
}

/** Throws `order-archived` if the order is archived. Call this before waiting for the order. */
export async function refuseArchived(orderId: string, views: Views): Promise<void> {
  const at = await views.archivedAt(orderId)
  if (at !== undefined) throw orderArchived(at)
}

export function orderArchived(archivedAt: string): OrderError {
  return new OrderError('order-archived', `The order was archived at ${archivedAt}. An operator can restore it.`)
}
