import { isOrderError, OrderError } from '../../../domain/errors.ts'
import type { Maintenance, Rebuild, RebuildOutcome, RebuildStep } from '../../../ports/maintenance.ts'
import type { OrderToStore } from '../../../ports/order-store.ts'
import { toRebuild } from '../../stores/rebuild-row.ts'
import { bigint, int, json, text, type Parameters, type Row } from '../database/connection.ts'
import { actParameters } from '../dead-letters/audit.ts'
import type { Query } from '../database/query.ts'
import {
  ABANDON_REBUILD,
  ADD_WORDS,
  BEGIN_REBUILD,
  COMPLETE_ORDERS,
  PROJECT_ORDERS,
  SELECT_REBUILD,
} from './rebuild-sql.ts'
import { SWAP_ORDERS } from './rebuild-swap-sql.ts'
import { wordsOfOrders } from '../search/search-reindex.ts'
import { GROUP_UNITS } from '../database/columns.ts'
import { toStoreBatchJson } from '../orders/store-batch-json.ts'
import { cut, fromSqlTime, toSqlTime } from '../database/values.ts'

/** The target in the audit. */
const TARGET = 'orders'
const COMPLETED_AT_ONCE = 500
/** The swap reads every order. Storing waits for the rows that it changes; queries do not wait. */
const SWAP_TIMEOUT_MS = 15 * 60_000

export type RebuildCommands = Pick<
  Maintenance,
  'beginRebuild' | 'getRebuild' | 'projectOrders' | 'completeOrders' | 'swapOrders' | 'abandonRebuild'
>

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

  /** The results of the step, without the one that says whose rebuild it is. */
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

  /** An order that a constraint refuses undoes its step. It is found by halving the batch. */
  async function project(
    step: RebuildStep,
    groupId: string,
    orders: readonly OrderToStore[],
  ): Promise<RebuildOutcome[]> {
    if (orders.length === 0) return []
    const group = cut(groupId, GROUP_UNITS)
    const batch = { groupId: group, delivered: 'copy', orders, parked: [], now: step.at } as const
    const part = { batch, indexes: orders.map((_, index) => index), isWhole: false, preview: false }
    try {
      const parameters = { group: text(group), batch: text(toStoreBatchJson(part)) }
      const [rows = []] = await inStep(PROJECT_ORDERS, step, parameters)
      return rows.map((row) => row['outcome'] as RebuildOutcome)
    } catch (error) {
      if (!isOrderError(error) || error.code !== 'constraint-violated') throw error
      if (orders.length === 1) return ['refused']
      const middle = orders.length >> 1
      return [
        ...(await project(step, groupId, orders.slice(0, middle))),
        ...(await project(step, groupId, orders.slice(middle))),
      ]
    }
  }

  async function complete(step: RebuildStep, limit: number) {
    const [[counts] = [], names = [], items = []] = await inStep(COMPLETE_ORDERS, step, { limit: int(limit) })
    const words = wordsOfOrders(names, items)
    if (words.length > 0) await inStep(ADD_WORDS, step, { words: json(words) })
    return { orders: Number(counts?.['orders']), kept: Number(counts?.['kept']) }
  }

  return {
    async beginRebuild(step, act) {
      const parameters = { ...stepParameters(step), ...actParameters(TARGET, act) }
      const [[row] = []] = await query(BEGIN_REBUILD, { ...parameters, at: text(toSqlTime(step.at)) })
      if (row?.['is_taken'] !== false) throw new OrderError('conflict', 'A rebuild is running already.')
      return current()
    },
    getRebuild,
    projectOrders: project,
    completeOrders: complete,
    async swapOrders(step) {
      let { progress } = step
      for (;;) {
        const { orders, kept } = await complete({ ...step, progress }, COMPLETED_AT_ONCE)
        progress = { ...progress, kept: progress.kept + kept, completed: progress.completed + orders }
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

function stepParameters({ owner, at, leaseMs, progress }: RebuildStep): Parameters {
  return {
    owner: text(owner),
    at: text(toSqlTime(at)),
    nowMs: bigint(Date.parse(at)),
    leaseMs: int(leaseMs),
    progress: json(progress),
  }
}
