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

/** The figures of one moment. Counters only grow, so that two moments give a rate. Null is what the store did not say. */
export interface HistoryPoint {
  /** RFC 3339. */
  readonly at: string
  /** Records of the orders topic since its beginning. */
  readonly records: number
  /** Orders that were stored, from the orders topic or later. */
  readonly stored: number | null
  /** Those of them that were parked before. */
  readonly storedLater: number | null
  /** Records of the dead-letter topic since its beginning. */
  readonly deadLetters: number
  readonly lag: number
  readonly retrying: number | null
  readonly dead: number | null
  /** From accepting to storing, of the newest orders stored since the point before, in ms; null when there is none. */
  readonly p50Ms: number | null
  readonly p99Ms: number | null
}

export interface PipelineHistory {
  /** Of the last hour as this process saw it, oldest first. A moment in which the log was away is not in it. */
  points(): readonly HistoryPoint[]
  /** Looks until the process stops. Never rejects. */
  run(): Promise<void>
}

export const POINT_EVERY_MS = 5000
const KEPT_MS = 3_600_000
/** A store that is away may keep a question for longer than the points are apart. */
const STORE_PATIENCE_MS = 2000
/** Enough for a p99; a busy pipeline stores more between two points, and these are the newest of them. */
const NEWEST = 100

/**
 * Keeps an hour of figures in memory, at most 720 points, so that whoever opens a dashboard sees the last hour, and
 * everyone the same. While the store is away, points have what the log knows.
 */
export function createPipelineHistory(dependencies: {
  log: Pick<EventLog, 'offsets' | 'committed'>
  ledger: Pick<Ledger, 'read'>
  views: Pick<OrderViews, 'list'>
  topics: Topics
  clock: Clock
  signal: AbortSignal
  /** Told of what could not be asked for. */
  onError: (error: unknown) => void
}): PipelineHistory {
  const { log, ledger, views, topics, clock, signal, onError } = dependencies
  let points: readonly HistoryPoint[] = []
  let seenStoredAt: string | undefined
  let asking: Promise<StoreFigures | undefined> | undefined

  async function look(): Promise<void> {
    try {
      const at = clock.now()
      const [orders, deadLetters, ofStore] = await Promise.all([
        standIn(log, topics.orders, topics.group),
        log.offsets(topics.deadLetters),
        storeFigures(),
      ])
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

  /** Undefined when the store is away. One question at a time: those that nobody waits for would pile up. */
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
      const { partitions, parked } = await ledger.read(topics.group, 0)
      const stored = partitions.reduce((total, one) => total + one.stored, 0) + parked.stored
      const { stored: storedLater, retrying, dead } = parked
      // Where nothing was stored since, the orders are those of before: most instances need not read them.
      const pace = stored === points.at(-1)?.stored ? NO_PACE : paceOf(await newest())
      return { stored, storedLater, retrying, dead, ...pace }
    } catch (error) {
      if (!signal.aborted) onError(error)
      return undefined
    }
  }

  /** Undefined when they cannot be read: the other figures are kept all the same. */
  async function newest(): Promise<readonly OrderView[] | undefined> {
    try {
      return (await views.list({ limit: NEWEST })).items
    } catch (error) {
      if (!signal.aborted) onError(error)
      return undefined
    }
  }

  /** At the first look nobody knows when the newest orders came: a minute ago, or last year. */
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

/** None for what an operator redrove, which waited for a person, and for an order whose time nobody knows. */
function latencyOf({ acceptedAt, storedAt, recovered }: OrderView, since: string): number[] {
  if (acceptedAt === undefined || storedAt === undefined || storedAt <= since || recovered === true) return []
  const accepted = Date.parse(acceptedAt)
  return accepted > 0 ? [Math.max(0, Date.parse(storedAt) - accepted)] : []
}

/** By nearest rank: a value that was really there. */
function percentile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null
}
