import type { OrderView } from '../../domain/order-view.ts'
import type { Clock } from '../../ports/clock.ts'
import type { OrderViews } from '../../ports/order-views.ts'
import type { Topics } from '../../messaging/topics.ts'
import type { EventLog } from '../../ports/event-log.ts'
import type { Ledger } from '../../ports/ledger.ts'
import { lagOf, recordsOf, standIn } from './status.ts'

type StoreFigures = Pick<HistoryPoint, 'stored' | 'storedLater' | 'retrying' | 'dead' | 'p50Ms' | 'p99Ms'>

const NO_PACE = { p50Ms: null, p99Ms: null }
const UNKNOWN: StoreFigures = { stored: null, storedLater: null, retrying: null, dead: null, ...NO_PACE }

/**
 * The figures at one point in time. Counters only increase, so two points give a rate. The store's figures are null if
 * it did not respond.
 */
export interface HistoryPoint {
  /** RFC 3339. */
  readonly at: string
  /** Records written to the orders topic since its creation. */
  readonly records: number
  /** Stored orders, whether stored at once or after being parked. */
  readonly stored: number | null
  /** Stored orders that had been parked. */
  readonly storedLater: number | null
  /** Records written to the dead-letter topic since its creation. */
  readonly deadLetters: number
  readonly lag: number
  readonly retrying: number | null
  readonly dead: number | null
  /**
   * How long the newest orders stored since the previous point took from acceptance to storage, in milliseconds; null
   * if there are none.
   */
  readonly p50Ms: number | null
  readonly p99Ms: number | null
}

export interface PipelineHistory {
  /** The last hour as this process saw it, oldest point first, without the times at which the log was unavailable. */
  points(): readonly HistoryPoint[]
  /** Adds points until the process stops. Never rejects. */
  run(): Promise<void>
}

export const POINT_EVERY_MS = 5000
const KEPT_MS = 3_600_000
/**
 * If the store's figures take longer than this, the point is added without them, because points must be evenly spaced.
 */
const STORE_PATIENCE_MS = 2000
/** Enough for a p99. If more orders than this were stored between two points, only the newest ones are used. */
const NEWEST = 100

/**
 * Keeps an hour of figures in memory, at most 720 points, so that every dashboard shows the same last hour from the
 * moment it is opened. While the store is unavailable, points contain only the log's figures.
 */
export function createPipelineHistory(dependencies: {
  log: Pick<EventLog, 'offsets' | 'committed'>
  ledger: Pick<Ledger, 'read'>
  views: Pick<OrderViews, 'list'>
  topics: Topics
  clock: Clock
  signal: AbortSignal
  /** Called when a figure cannot be read. */
  onError: (error: unknown) => void
}): PipelineHistory {
  const { log, ledger, views, topics, clock, signal, onError } = dependencies
  let points: readonly HistoryPoint[] = []
  let seenStoredAt: string | undefined
  let asking: Promise<StoreFigures | undefined> | undefined

  async function look(): Promise<void> {
    try {
      const [orders, deadLetters, ofStore] = await Promise.all([
        standIn(log, topics.orders, topics.group),
        log.offsets(topics.deadLetters),
        storeFigures(),
      ])
      const at = clock.now()
      const point = {
        at: new Date(at).toISOString(),
        records: recordsOf(orders),
        deadLetters: recordsOf(deadLetters),
        lag: lagOf(orders),
        ...(ofStore ?? UNKNOWN),
      }
      points = [...points.filter((kept) => Date.parse(kept.at) > at - KEPT_MS), point]
    } catch (error) {
      if (!signal.aborted) onError(error)
    }
  }

  /**
   * Undefined if the store is unavailable. Runs one query at a time, because otherwise abandoned queries would pile up.
   */
  async function storeFigures(): Promise<StoreFigures | undefined> {
    asking ??= askStore().finally(() => (asking = undefined))
    const late = Promise.withResolvers<undefined>()
    const timer = setTimeout(() => late.resolve(undefined), STORE_PATIENCE_MS)
    try {
      return await Promise.race([asking, late.promise])
    } finally {
      clearTimeout(timer)
    }
  }

  async function askStore(): Promise<StoreFigures | undefined> {
    try {
      const { partitions, parked } = await ledger.read(topics.group, topics.orders, 0)
      const stored = partitions.reduce((total, one) => total + one.stored, 0) + parked.stored
      const { stored: storedLater, retrying, dead } = parked
      // If nothing has been stored since the last point, the newest orders are the same, so they need not be read.
      const pace = stored === points.at(-1)?.stored ? NO_PACE : paceOf(await newest())
      return { stored, storedLater, retrying, dead, ...pace }
    } catch (error) {
      if (!signal.aborted) onError(error)
      return undefined
    }
  }

  /** Undefined if the newest orders cannot be read; the other figures are kept. */
  async function newest(): Promise<readonly OrderView[] | undefined> {
    try {
      return (await views.list({ limit: NEWEST })).items
    } catch (error) {
      if (!signal.aborted) onError(error)
      return undefined
    }
  }

  /** The figures are null at the first point, because the newest orders may have been stored long before it. */
  function paceOf(orders: readonly OrderView[] | undefined): Pick<HistoryPoint, 'p50Ms' | 'p99Ms'> {
    if (orders === undefined) return NO_PACE
    const since = seenStoredAt
    seenStoredAt = orders.reduce((latest, { storedAt = '' }) => (storedAt > latest ? storedAt : latest), since ?? '')
    const latencies = orders.flatMap((order) => (since === undefined ? [] : latencyOf(order, since)))
    return { p50Ms: percentile(latencies, 0.5), p99Ms: percentile(latencies, 0.99) }
  }

  return {
    points: () => points,
    async run() {
      while (!signal.aborted) {
        await look()
        await clock.sleep(POINT_EVERY_MS, signal).catch(() => undefined)
      }
    },
  }
}

/**
 * Empty for a redriven order, because it waited for an operator, and for an order whose time of acceptance is unknown.
 */
function latencyOf({ acceptedAt, storedAt, recovered }: OrderView, since: string): number[] {
  if (acceptedAt === undefined || storedAt === undefined || storedAt <= since || recovered === true) return []
  const accepted = Date.parse(acceptedAt)
  return accepted > 0 ? [Math.max(0, Date.parse(storedAt) - accepted)] : []
}

/** Uses the nearest rank, so that the result is one of the values. */
function percentile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null
}
