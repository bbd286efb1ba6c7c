import { isOrderError, OrderError } from '../../../domain/errors.ts'
import type { Maintenance, Rebuild, RebuildOutcome, RebuildStep } from '../../../ports/maintenance.ts'
import { forgetOrder } from '../../../domain/forgetting/forgotten-data.ts'
import { evolve, reapply } from '../../../domain/order.ts'
import type { ChangeToStore, OrderToStore } from '../../../ports/order-store.ts'
import { parsedOrder, type ParsedOrder } from '../../stores/parsed-orders.ts'
import { toRebuild } from '../../stores/rebuild-row.ts'
import { archivingRuns } from '../../stores/refusals.ts'
import { toChangesJson } from '../changes/order-changes.ts'
import { toApplied } from '../changes/turns.ts'
import { bigint, int, json, text, type Parameters, type Row } from '../database/connection.ts'
import { actParameters } from '../dead-letters/audit.ts'
import type { Query } from '../database/query.ts'
import {
  ABANDON_REBUILD,
  ADD_WORDS,
  BEGIN_REBUILD,
  COMPLETE_ORDERS,
  PROJECT_CHANGES,
  PROJECT_ORDERS,
  SELECT_APPLIED,
  SELECT_REBUILD,
} from './rebuild-sql.ts'
import { SWAP_ORDERS } from './rebuild-swap-sql.ts'
import { wordsOfOrders } from '../search/search-reindex.ts'
import { GROUP_UNITS } from '../database/columns.ts'
import { toStoreBatchJson } from '../orders/store-batch-json.ts'
import { cut, fromSqlId, fromSqlTime, toSqlTime } from '../database/values.ts'

/** The target that is named in audit entries. */
const TARGET = 'orders'
const COMPLETED_AT_ONCE = 500
/** The swap reads every order. Storing waits for the rows that the swap changes; queries do not wait. */
const SWAP_TIMEOUT_MS = 15 * 60_000

export type RebuildCommands = Pick<
  Maintenance,
  'beginRebuild' | 'getRebuild' | 'projectOrders' | 'completeOrders' | 'swapOrders' | 'abandonRebuild'
>

/** An order as the current code derives it from its record and the changes that were applied to it. */
interface Folded {
  readonly order: ParsedOrder
  readonly version: number
}

export function createRebuildCommands(query: Query): RebuildCommands {
  async function getRebuild(): Promise<Rebuild | undefined> {
    const [[row] = []] = await query(SELECT_REBUILD)
    return row === undefined ? undefined : toRebuild(row, fromSqlTime, Date.now())
  }

  async function current(): Promise<Rebuild> {
    const rebuild = await getRebuild()
    if (rebuild === undefined) throw new OrderError('internal', 'The rebuild has no row.')
    return rebuild
  }

  /**
   * Runs a step and returns its results, except the one that says whether this process still owns the rebuild. Rejects
   * with `conflict` if another process has taken over the rebuild.
   */
  async function inStep(
    statement: string,
    step: RebuildStep,
    parameters: Parameters,
    timeoutMs?: number,
  ): Promise<readonly (readonly Row[])[]> {
    const results = await query(statement, { ...stepParameters(step), ...parameters }, timeoutMs)
    if (results.at(-1)?.[0]?.['is_mine'] !== true) {
      throw new OrderError('conflict', 'Another process has begun a new rebuild.')
    }
    return results.slice(0, -1)
  }

  /** Derives each order and its version from its record and the changes that were applied to it. */
  async function fold(orders: readonly OrderToStore[]): Promise<Folded[]> {
    const [rows = [], ofForgotten = []] = await query(SELECT_APPLIED, {
      ids: json(orders.map(({ orderId }) => orderId)),
    })
    const applied = Map.groupBy(rows, (row) => fromSqlId(String(row['order_id'])))
    const forgotten = new Set(ofForgotten.map((row) => fromSqlId(String(row['order_id']))))
    return orders.map((delivered) => {
      const order = parsedOrder(delivered)
      // The log may still have personal data that the store has removed.
      const event = forgotten.has(order.orderId) ? forgetOrder(order.order) : order.order
      const placed = evolve(undefined, { kind: 'placed', content: event })
      // If the current code refuses a change, the rebuilt version differs from the live order's version, and the live
      // order stays as it is.
      const { content, version } = reapply(placed, (applied.get(order.orderId) ?? []).map(toApplied)) ?? placed
      return { version, order: { ...order, order: content } }
    })
  }

  /** If an order violates a constraint, the whole step is undone, and that order is found by halving the step. */
  async function projectAll(step: RebuildStep, group: string, folded: readonly Folded[]): Promise<RebuildOutcome[]> {
    if (folded.length === 0) return []
    const orders = folded.map(({ order }) => order)
    const batch = { groupId: group, delivered: 'copy', orders, parked: [], now: step.at } as const
    const part = { batch, indexes: orders.map((_, index) => index), isWhole: false, preview: false }
    const versions = folded.flatMap(({ version }, i) => (version === 1 ? [] : [[i, version]]))
    try {
      const parameters = { group: text(group), batch: text(toStoreBatchJson(part)), versions: json(versions) }
      const [rows = []] = await inStep(PROJECT_ORDERS, step, parameters)
      return rows.map(toOutcome)
    } catch (error) {
      if (!isOrderError(error) || error.code !== 'constraint-violated') throw error
      if (orders.length === 1) return ['refused']
      const middle = orders.length >> 1
      return [
        ...(await projectAll(step, group, folded.slice(0, middle))),
        ...(await projectAll(step, group, folded.slice(middle))),
      ]
    }
  }

  async function projectChanges(step: RebuildStep, groupId: string, changes: readonly ChangeToStore[]) {
    if (changes.length === 0) return []
    const delivered = changes.map((change, i) => ({ i, change, groupId, recordedAt: step.at, isCounted: true }))
    const batch = json(toChangesJson(delivered, []))
    const [rows = []] = await inStep(PROJECT_CHANGES, step, { group: text(groupId), batch })
    return rows.map(toOutcome)
  }

  async function project(
    step: RebuildStep,
    groupId: string,
    events: readonly (OrderToStore | ChangeToStore)[],
  ): Promise<RebuildOutcome[]> {
    const group = cut(groupId, GROUP_UNITS)
    const orders = events.flatMap((event) => ('changeId' in event ? [] : [event]))
    const changes = events.flatMap((event) => ('changeId' in event ? [event] : []))
    const ofOrders = (await projectAll(step, group, orders.length === 0 ? [] : await fold(orders))).values()
    const ofChanges = (await projectChanges(step, group, changes)).values()
    return events.map((event) => {
      const { value } = ('changeId' in event ? ofChanges : ofOrders).next()
      if (value === undefined) throw new OrderError('internal', 'The rebuild has no outcome for a record.')
      return value
    })
  }

  async function complete(step: RebuildStep, limit: number) {
    const parameters = { limit: int(limit), logStarts: json(step.logStarts) }
    const [[counts] = [], names = [], items = []] = await inStep(COMPLETE_ORDERS, step, parameters)
    const words = wordsOfOrders(names, items)
    if (words.length > 0) await inStep(ADD_WORDS, step, { words: json(words) })
    return {
      orders: Number(counts?.['orders']),
      kept: Number(counts?.['kept']),
      expired: Number(counts?.['expired']),
    }
  }

  return {
    async beginRebuild(step, act) {
      const parameters = { ...stepParameters(step), ...actParameters(TARGET, act) }
      const [[row] = []] = await query(BEGIN_REBUILD, { ...parameters, at: text(toSqlTime(step.at)) })
      if (row?.['is_taken'] !== false) throw new OrderError('conflict', 'A rebuild is running already.')
      if (row['is_archiving'] !== false) throw archivingRuns()
      return current()
    },
    getRebuild,
    projectOrders: project,
    completeOrders: complete,
    async swapOrders(step) {
      let { progress } = step
      for (;;) {
        const { orders, kept, expired } = await complete({ ...step, progress }, COMPLETED_AT_ONCE)
        progress = {
          ...progress,
          kept: progress.kept + kept,
          expired: progress.expired + expired,
          completed: progress.completed + orders,
        }
        if (orders < COMPLETED_AT_ONCE) break
      }
      await inStep(SWAP_ORDERS, { ...step, progress }, {}, SWAP_TIMEOUT_MS)
      return current()
    },
    async abandonRebuild(owner, why, at) {
      await query(ABANDON_REBUILD, { owner: text(owner), why: text(why), at: text(toSqlTime(at)) })
    },
  }
}

const toOutcome = (row: Row) => row['outcome'] as RebuildOutcome

function stepParameters({ owner, at, leaseMs, progress }: RebuildStep): Parameters {
  return {
    owner: text(owner),
    at: text(toSqlTime(at)),
    nowMs: bigint(Date.parse(at)),
    leaseMs: int(leaseMs),
    progress: json(progress),
  }
}
