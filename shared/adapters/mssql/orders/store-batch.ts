import { isOrderError, OrderError } from '../../../domain/errors.ts'
import type { ChangeOutcome, OrderStore, Rejection, StoreOutcome } from '../../../ports/order-store.ts'
import { parsedBatch, parsedOrder, type ParsedBatch, type ParsedOrder } from '../../stores/parsed-orders.ts'
import { REJECTIONS } from '../../stores/refusals.ts'
import { outcomesOfChanges } from '../changes/change-outcomes.ts'
import { createChangePreview } from '../changes/change-preview.ts'
import { createTurns } from '../changes/turns.ts'
import { text, type Row } from '../database/connection.ts'
import type { Query } from '../database/query.ts'
import { fromSqlId } from '../database/values.ts'
import { forgetOrders, givenBack, untilForgotten, type Delivery } from '../forgetting/forgotten-customers.ts'
import { hasChanges, toStoreBatchJson } from './store-batch-json.ts'
import { STORE_BATCH, STORE_BATCH_WITH_CHANGES } from './store-batch-sql.ts'

type BatchCommands = Pick<OrderStore, 'storeBatch' | 'previewBatch'>

/** The results of one statement. */
interface Stored {
  readonly orders: ReadonlyMap<number, StoreOutcome>
  /** How each change was recorded, in the same sequence as in the batch. */
  readonly changes: readonly string[]
  /** The orders that have a change waiting. */
  readonly toDecide: readonly string[]
  /** If present, these orders contain personal data of forgotten customers, and nothing was stored. */
  readonly forgotten?: readonly Row[]
}

interface StoredOrders extends Stored {
  readonly outcomes: readonly StoreOutcome[]
}

const NOTHING: Stored = { orders: new Map(), changes: [], toDecide: [] }

/**
 * A batch of valid orders takes one round trip. If the batch violates a constraint, none of it is stored. The orders at
 * fault are then found by halving the batch, in transactions that are rolled back, and the other orders are stored in
 * one transaction.
 *
 * Changes are decided in a second transaction, which runs only if an order in the batch has a change waiting. If the
 * process dies before the second transaction, the changes are decided when the batch is delivered again.
 */
export function createBatchCommands(query: Query): BatchCommands {
  const turns = createTurns(query)

  async function send(
    delivery: Delivery,
    indexes: readonly number[],
    options: { isWhole: boolean; preview: boolean },
  ): Promise<Stored> {
    const part = { ...delivery, indexes, ...options }
    if (indexes.length === 0 && !options.isWhole && !hasChanges(part)) return NOTHING
    const parameters = { batch: text(toStoreBatchJson(part)) }
    if (!hasChanges(part)) {
      const [rows = [], toDecide = []] = await query(STORE_BATCH, parameters)
      const forgotten = givenBack(rows, 'forgotten_order')
      if (forgotten !== undefined) return { ...NOTHING, forgotten }
      return { orders: toOutcomes(rows), changes: [], toDecide: toDecide.map(toOrderId) }
    }
    const [rows = [], changes = [], toDecide = []] = await query(STORE_BATCH_WITH_CHANGES, parameters)
    const forgotten = givenBack(rows, 'forgotten_order')
    if (forgotten !== undefined) return { ...NOTHING, forgotten }
    return {
      orders: toOutcomes(rows),
      changes: changes.map((row) => String(row['outcome'])),
      toDecide: toDecide.map(toOrderId),
    }
  }

  async function findRefused(delivery: Delivery, indexes: readonly number[]): Promise<number[]> {
    try {
      await send(delivery, indexes, { isWhole: false, preview: true })
      return []
    } catch (error) {
      if (!isRefusal(error)) throw error
    }
    if (indexes.length === 1) return [...indexes]
    const middle = indexes.length >> 1
    return [
      ...(await findRefused(delivery, indexes.slice(0, middle))),
      ...(await findRefused(delivery, indexes.slice(middle))),
    ]
  }

  async function store(delivery: Delivery, preview: boolean): Promise<StoredOrders> {
    const all = delivery.batch.orders.map((_, index) => index)
    const collect = (stored: Stored) => ({
      ...stored,
      outcomes: all.map((index) => stored.orders.get(index) ?? REJECTIONS['constraint-violated']),
    })
    try {
      return collect(await send(delivery, all, { isWhole: true, preview }))
    } catch (error) {
      if (!isRefusal(error)) throw error
      const refused = new Set(await findRefused(delivery, all))
      // No order is at fault, so the cause is in the parked records or the ledger, and that is a bug.
      if (refused.size === 0)
        throw new OrderError(
          'internal',
          'The store refuses the batch as a whole, but none of its orders individually.',
          { cause: error },
        )
      const others = all.filter((index) => !refused.has(index))
      return collect(await send(delivery, others, { isWhole: false, preview }))
    }
  }

  async function previewOrders(orders: readonly ParsedOrder[]): Promise<readonly StoreOutcome[]> {
    if (orders.length === 0) return []
    const now = new Date().toISOString()
    const batch: ParsedBatch = { groupId: '', delivered: 'copy', orders, parked: [], now }
    return (await store({ batch, storedChanges: [] }, true)).outcomes
  }

  /** Stores the batch without the personal data of forgotten customers. */
  async function storeRest(batch: ParsedBatch): Promise<StoredOrders> {
    const delivery: Delivery = { batch, storedChanges: [] }
    return untilForgotten(
      delivery,
      async (rest) => {
        const { forgotten, ...result } = await store(rest, false)
        return forgotten === undefined ? { result } : { forgotten }
      },
      (rest, rows) => forgetOrders(query, rest, rows),
    )
  }

  const previewChanges = createChangePreview(query, turns, previewOrders)

  return {
    async storeBatch(batch) {
      const { outcomes, changes: recorded, toDecide } = await storeRest(parsedBatch(batch))
      const { states, undecided: failed } = await turns.take(toDecide, batch.now)
      const undecided = failed.length > 0 && { undecided: failed }
      if (batch.changes === undefined) return { outcomes, ...undecided, counted: !outcomes.some(isRejected) }
      const changes = await outcomesOfChanges({ changes: batch.changes, recorded, states }, turns)
      return { outcomes, changes, ...undecided, counted: ![...outcomes, ...changes].some(isRejected) }
    },
    async previewBatch({ orders: some, changes = [] }) {
      const orders = some.map(parsedOrder)
      const outcomes = await previewOrders(orders)
      return { outcomes, ...(await previewChanges({ orders, outcomes, changes })) }
    },
  }
}

const isRejected = ({ kind }: StoreOutcome | ChangeOutcome) => kind === 'rejected'
const toOrderId = (row: Row) => fromSqlId(String(row['order_id']))

function toOutcomes(rows: readonly Row[]): ReadonlyMap<number, StoreOutcome> {
  return new Map(rows.map((row) => [Number(row['i']), toOutcome(String(row['outcome']))]))
}

function isRefusal(error: unknown): boolean {
  return isOrderError(error) && error.code === 'constraint-violated'
}

function toOutcome(outcome: string): StoreOutcome {
  if (outcome === 'stored' || outcome === 'duplicate' || outcome === 'withheld') return { kind: outcome }
  const rejection = REJECTIONS[outcome as Rejection['code']]
  if (rejection === undefined)
    throw new OrderError('internal', `The store returned an unknown outcome for an order: ${JSON.stringify(outcome)}.`)
  return rejection
}
