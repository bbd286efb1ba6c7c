import type { ArchivedOrder } from '../../../domain/archived-order.ts'
import { fromCursor, toCursor } from '../../../domain/cursor.ts'
import { isOrderError } from '../../../domain/errors.ts'
import { orderWords } from '../../../domain/search/search-words.ts'
import {
  MAX_ARCHIVED_BYTES,
  type Archive,
  type ArchiveResult,
  type ArchivingAct,
  type ExportedOrder,
  type OrderToArchive,
  type RestoreResult,
} from '../../../ports/archive.ts'
import { continued } from '../../stores/archive/continued.ts'
import { inPacedSteps } from '../../stores/archive/paced-steps.ts'
import { toExported } from '../../stores/archive/exported-orders.ts'
import { forgetArchived } from '../../stores/forgetting/forgotten-orders.ts'
import {
  ABANDONED,
  ARCHIVING_LEASE_MS,
  keyOfOther,
  notRestorable,
  olderCopy,
  rebuildRuns,
  reindexRuns,
} from '../../stores/refusals.ts'
import { bigint, int, json, text, type Parameters, type Row } from '../database/connection.ts'
import type { Query } from '../database/query.ts'
import { fromSqlId, fromSqlTime, toSqlBound, toSqlTime } from '../database/values.ts'
import { actParameters } from '../dead-letters/audit.ts'
import { givenBack, untilForgotten } from '../forgetting/forgotten-customers.ts'
import { ARCHIVE_ORDERS, SELECT_ARCHIVABLE, SELECT_ARCHIVABLE_STATES, SELECT_ARCHIVED } from './archive-sql.ts'
import { readDocuments, type ReadOrder } from './documents.ts'
import { toRestoreJson } from './restore-json.ts'
import { RESTORE_ORDERS } from './restore-sql.ts'

const MAX_PAGE_BYTES = 4 * 1024 * 1024
/** Earlier than any order's acceptance time. */
const LONG_AGO = '0001-01-01T00:00:00.000'

export function createArchive(
  query: Query,
): Archive & { readonly archivedAt: (orderId: string) => Promise<string | undefined> } {
  async function archivedAmong(orderIds: readonly string[]): Promise<Map<string, string>> {
    if (orderIds.length === 0) return new Map()
    const [rows = []] = await query(SELECT_ARCHIVED, { ids: json(orderIds) })
    return new Map(rows.map((row) => [orderIdOf(row), fromSqlTime(row['archived_at'] as Date)]))
  }

  async function archiveSome(
    orders: readonly OrderToArchive[],
    file: string,
    act: ArchivingAct,
  ): Promise<ArchiveResult> {
    const read = await readDocuments(
      query,
      orders.map(({ orderId }) => orderId),
    )
    const same = orders.flatMap(({ orderId, hash }) => {
      const one = read.get(orderId)
      return one !== undefined && toExported(one.document).order.hash === hash ? [one] : []
    })
    const results = await query(ARCHIVE_ORDERS, { ...parametersOf(file, act), batch: json(toArchiveJson(same)) })
    const [given = [], [refusal] = []] = results
    refuseIfBusy(refusal)
    const archived = new Set(given.map(orderIdOf))
    const left = orders.flatMap(({ orderId }) => (archived.has(orderId) ? [] : [orderId]))
    const before = await archivedAmong(left)
    return { archived: archived.size, known: before.size, changed: left.filter((orderId) => !before.has(orderId)) }
  }

  async function send(
    orders: readonly ArchivedOrder[],
    source: string,
    act: ArchivingAct,
    preview: boolean,
  ): Promise<number> {
    const [restored = [], [taken] = [], [older] = [], [refusal] = []] = await untilForgotten(
      orders,
      async (some) => {
        const parameters = { ...parametersOf(source, act), batch: json({ preview, ...toRestoreJson(some) }) }
        const result = await query(RESTORE_ORDERS, parameters)
        const forgotten = givenBack(result[0], 'forgotten_order')
        return forgotten === undefined ? { result } : { forgotten }
      },
      (some, rows) => {
        const forgotten = new Set(rows.map((row) => Number(row['forgotten_order'])))
        return some.map((order, i) => (forgotten.has(i) ? forgetArchived(order) : order))
      },
    )
    refuseIfBusy(refusal)
    if (taken !== undefined) throw keyOfOther(orderIdOf(taken))
    if (older !== undefined) throw olderCopy(orderIdOf(older), String(older['archive_file']))
    return restored.length
  }

  /** If the batch violates a constraint, tries each order on its own, so that the error names the refused one. */
  async function restoreSome(
    orders: readonly ArchivedOrder[],
    source: string,
    act: ArchivingAct,
  ): Promise<RestoreResult> {
    try {
      const restored = await send(orders, source, act, false)
      return { restored, known: orders.length - restored }
    } catch (error) {
      if (!isRefusal(error)) throw error
      for (const order of orders) {
        await send([order], source, act, true).catch((cause: unknown) => {
          if (!isRefusal(cause)) throw cause
          throw notRestorable(order.orderId, cause)
        })
      }
      throw error
    }
  }

  return {
    async exportOrders(exported) {
      const { before, limit } = exported
      const [table, last, after] = fromCursor(exported, ['string', 'number', 'string']) ?? ['stored', 0, LONG_AGO]
      const parameters = { before: text(toSqlBound(before)), last: bigint(last), limit: int(limit) }
      const [rows = []] =
        table === 'stored'
          ? await query(SELECT_ARCHIVABLE, { ...parameters, after: text(after) })
          : await query(SELECT_ARCHIVABLE_STATES, parameters)
      const documents = await readDocuments(query, rows.map(orderIdOf))
      const items: ExportedOrder[] = []
      let bytes = 0
      for (const row of rows) {
        const one = documents.get(orderIdOf(row))
        const found = one && toExported(one.document)
        if (found === undefined || found.bytes > MAX_ARCHIVED_BYTES) continue
        items.push(found.order)
        bytes += found.bytes
        if (bytes > MAX_PAGE_BYTES) return { items, nextCursor: toCursor(exported, placeOf(table, row)) }
      }
      const end = rows.at(-1)
      if (rows.length === limit && end !== undefined)
        return { items, nextCursor: toCursor(exported, placeOf(table, end)) }
      return { items, nextCursor: table === 'stored' ? toCursor(exported, ['discarded', 0, LONG_AGO]) : null }
    },
    async archiveOrders(orders, file, act) {
      let [archived, known] = [0, 0]
      const changed: string[] = []
      await inPacedSteps(orders, async (some) => {
        const result = await archiveSome(some, file, continued(act, archived))
        archived += result.archived
        known += result.known
        changed.push(...result.changed)
      })
      return { archived, known, changed }
    },
    async restoreOrders(orders, source, act) {
      let [restored, known] = [0, 0]
      await inPacedSteps(orders, async (some) => {
        const result = await restoreSome(some, source, continued(act, restored))
        restored += result.restored
        known += result.known
      })
      return { restored, known }
    },
    archivedAt: async (orderId) => (await archivedAmong([orderId])).get(orderId),
  }
}

function parametersOf(target: string, act: ArchivingAct): Parameters {
  return {
    ...actParameters(target, act),
    nowMs: bigint(Date.now()),
    leaseMs: int(ARCHIVING_LEASE_MS),
    why: text(ABANDONED),
    continues: int(act.continues === true ? 1 : 0),
  }
}

function toArchiveJson(orders: readonly ReadOrder[]) {
  return {
    orders: orders.map(({ document: { orderId, order, stored, discarded }, ...counts }, i) => ({
      i,
      orderId,
      isStored: stored !== null,
      version: stored?.version ?? null,
      updatedAt: discarded === null ? null : toSqlTime(discarded.updatedAt),
      forgotten: order?.forgotten === true,
      ...counts,
    })),
    words: orders.flatMap(({ document: { orderId, order, stored } }, i) =>
      order === null || stored === null ? [] : [...orderWords(orderId, order).keys()].map((word) => [i, word]),
    ),
  }
}

function placeOf(table: string, row: Row): [table: string, seq: number, acceptedAt: string] {
  const acceptedAt = row['accepted_at'] as Date | undefined
  return [table, Number(row['seq']), (acceptedAt && toSqlTime(acceptedAt.getTime())) ?? LONG_AGO]
}

function orderIdOf(row: Row): string {
  return fromSqlId(String(row['order_id']))
}

function isRefusal(error: unknown): boolean {
  return isOrderError(error) && error.code === 'constraint-violated'
}

function refuseIfBusy(row: Row | undefined): void {
  if (row?.['is_rebuilding'] === true) throw rebuildRuns()
  if (row?.['is_reindexing'] === true) throw reindexRuns()
}
