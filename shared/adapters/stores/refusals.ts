import type { Migration } from '../../disk/migration-files.ts'
import { OrderError } from '../../domain/errors.ts'
import type { Rejection } from '../../ports/order-store.ts'

/** The reasons why an order can never be stored. */
export const REJECTIONS: Readonly<Record<Rejection['code'], Rejection>> = {
  'order-id-reused': { kind: 'rejected', code: 'order-id-reused', detail: 'Its id belongs to another order.' },
  'idempotency-key-reused': {
    kind: 'rejected',
    code: 'idempotency-key-reused',
    detail: 'Its Idempotency-Key belongs to another order.',
  },
  'constraint-violated': {
    kind: 'rejected',
    code: 'constraint-violated',
    detail: 'It contains a value that the store does not allow.',
  },
}

/** The error for a database that ran a migration whose text has changed since. */
export function changedMigration(where: string, { version, name }: Pick<Migration, 'version' | 'name'>): OrderError {
  const what = `${where} was created with a different text of migration ${version} (${name}), by a modified program`
  const remedy = 'start the version that made it, or restore a backup that was made by a release.'
  return new OrderError('invalid-setting', `${what}: ${remedy}`)
}

/** Throws `invalid-setting` if the database is at a later migration than this program knows. */
export function refuseNewer(where: string, last: number, newest: number): void {
  if (last <= newest) return
  const detail = `it is at migration ${last}, but this program knows migrations only up to ${newest}`
  throw new OrderError('invalid-setting', `${where} was made by a newer version of this program: ${detail}.`)
}

/** The errors for operations that cannot run at the same time: archiving or restoring, a rebuild, and a reindex. */
export function rebuildRuns(): OrderError {
  return new OrderError('conflict', 'A rebuild is running: wait until it has ended.')
}
export function reindexRuns(): OrderError {
  return new OrderError(
    'conflict',
    'The words of earlier orders are still being added to the search index: try again in a few minutes.',
  )
}
export function archivingRuns(): OrderError {
  return new OrderError('conflict', 'Orders are being archived or restored: wait until that has finished.')
}

/** The errors for an archived order that cannot be restored. */
export function keyOfOther(orderId: string): OrderError {
  return new OrderError('conflict', `The Idempotency-Key of order ${orderId} now belongs to another order.`)
}
export function olderCopy(orderId: string, file: string): OrderError {
  return new OrderError(
    'conflict',
    `Order ${orderId} was changed and archived again, in ${file}: restore that file first.`,
  )
}
export function notRestorable(orderId: string, cause: unknown): OrderError {
  const detail = `The store refuses the archived form of order ${orderId}.`
  return new OrderError('conflict', detail, { cause })
}

/** The reason that is recorded when an abandoned rebuild is ended. */
export const ABANDONED = 'It was abandoned, and orders have been archived or restored since.'
/** After each step of archiving or restoring, no rebuild can begin for this long, because another step may follow. */
export const ARCHIVING_LEASE_MS = 10_000
