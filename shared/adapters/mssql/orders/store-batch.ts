import { isOrderError, OrderError } from '../../../domain/errors.ts'
import type { OrderStore, Rejection, StoreBatch, StoreOutcome } from '../../../ports/order-store.ts'
import { REJECTIONS } from '../../stores/refusals.ts'
import { text } from '../database/connection.ts'
import type { Query } from '../database/query.ts'
import { toStoreBatchJson } from './store-batch-json.ts'
import { STORE_BATCH } from './store-batch-sql.ts'

/**
 * A batch of valid orders takes one round trip. If a constraint refuses the batch, nothing of it is stored. The orders
 * at fault are then found by halving the batch, in transactions that are rolled back, and the others are stored in one.
 */
export function createBatchCommands(query: Query): Pick<OrderStore, 'storeBatch' | 'previewBatch'> {
  async function send(
    batch: StoreBatch,
    indexes: readonly number[],
    options: { isWhole: boolean; preview: boolean },
  ): Promise<ReadonlyMap<number, StoreOutcome>> {
    const batchJson = toStoreBatchJson({ batch, indexes, ...options })
    const [rows = []] = await query(STORE_BATCH, { batch: text(batchJson) })
    return new Map(rows.map((row) => [Number(row['i']), toOutcome(String(row['outcome']))]))
  }

  async function findRefused(batch: StoreBatch, indexes: readonly number[]): Promise<number[]> {
    try {
      await send(batch, indexes, { isWhole: false, preview: true })
      return []
    } catch (error) {
      if (!isRefusal(error)) throw error
    }
    if (indexes.length === 1) return [...indexes]
    const middle = indexes.length >> 1
    return [
      ...(await findRefused(batch, indexes.slice(0, middle))),
      ...(await findRefused(batch, indexes.slice(middle))),
    ]
  }

  async function outcomesOf(batch: StoreBatch, preview: boolean): Promise<StoreOutcome[]> {
    const all = batch.orders.map((_, index) => index)
    const collect = (outcomes: ReadonlyMap<number, StoreOutcome>) =>
      all.map((index) => outcomes.get(index) ?? REJECTIONS['constraint-violated'])
    try {
      return collect(await send(batch, all, { isWhole: true, preview }))
    } catch (error) {
      if (!isRefusal(error)) throw error
      const refused = new Set(await findRefused(batch, all))
      // No order is at fault, so the parked records or the ledger are, and that is a bug.
      if (refused.size === 0) throw new OrderError('internal', 'The store refuses its own figures.', { cause: error })
      const others = all.filter((index) => !refused.has(index))
      return collect(others.length === 0 ? new Map() : await send(batch, others, { isWhole: false, preview }))
    }
  }

  return {
    async storeBatch(batch) {
      const outcomes = await outcomesOf(batch, false)
      return { outcomes, counted: outcomes.every(({ kind }) => kind !== 'rejected') }
    },
    previewBatch(orders) {
      const now = new Date().toISOString()
      return outcomesOf({ groupId: '', delivered: 'copy', orders, parked: [], now }, true)
    },
  }
}

function isRefusal(error: unknown): boolean {
  return isOrderError(error) && error.code === 'constraint-violated'
}

function toOutcome(outcome: string): StoreOutcome {
  if (outcome === 'stored' || outcome === 'duplicate' || outcome === 'withheld') return { kind: outcome }
  const rejection = REJECTIONS[outcome as Rejection['code']]
  if (rejection === undefined)
    throw new OrderError('internal', `The store returned an unknown outcome of an order: ${JSON.stringify(outcome)}.`)
  return rejection
}
