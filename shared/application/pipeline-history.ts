import type { OrderView } from '../domain/order-view.ts'
import type { Clock } from '../messaging/hold.ts'
import type { OrderViews } from '../ports/order-views.ts'
import type { PipelineStatus } from './status.ts'

/** The figures of one moment. Counters only grow, so that two moments give a rate. */
export interface HistoryPoint {
  /** RFC 3339. */
  readonly at: string
  /** Records of the orders topic since its beginning. */
  readonly records: number
  /** Orders that were stored, from the orders topic or later. */
  readonly stored: number
  /** Those of them that were parked before. */
  readonly storedLater: number
  /** Records of the dead-letter topic since its beginning. */
  readonly deadLetters: number
  readonly lag: number
  readonly retrying: number
  readonly dead: number
  /** From accepting to storing, of the newest orders stored since the point before, in ms; null when there is none. */
  readonly p50Ms: number | null
  readonly p99Ms: number | null
}

export interface PipelineHistory {
  /** Of the last hour as this process saw it, oldest first. A moment in which the log or the store was away is not in it. */
  points(): readonly HistoryPoint[]
  /** Looks until the process stops. Never rejects. */
  run(): Promise<void>
}

export const POINT_EVERY_MS = 5000
const KEPT_MS = 3_600_000
/** Enough for a p99; a busy pipeline stores more between two points, and these are the newest of them. */
const NEWEST = 100

/**
 * Keeps an hour of figures in memory, at most 720 points, so that whoever opens a dashboard sees the last hour, and
 * everyone the same.
 */
export function createPipelineHistory(dependencies: {
  pipelineStatus: () => Promise<PipelineStatus>
  views: Pick<OrderViews, 'list'>
  clock: Clock
  signal: AbortSignal
  /** Told of a moment that is left out. */
  onError: (error: unknown) => void
}): PipelineHistory {
  const { pipelineStatus, views, clock, signal, onError } = dependencies
  let points: readonly HistoryPoint[] = []
  let seenStoredAt: string | undefined

  async function look(): Promise<void> {
    try {
      const [status, orders] = await Promise.all([pipelineStatus(), newest()])
      const point = { ...figuresOf(status), ...paceOf(orders) }
      const oldest = Date.parse(point.at) - KEPT_MS
      points = [...points.filter(({ at }) => Date.parse(at) > oldest), point]
    } catch (error) {
      if (!signal.aborted) onError(error)
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
    if (orders === undefined) return { p50Ms: null, p99Ms: null }
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

function figuresOf({ at, orders, parked, deadLetters }: PipelineStatus) {
  return {
    at,
    records: orders.records,
    stored: orders.stored + parked.stored,
    storedLater: parked.stored,
    deadLetters: deadLetters.records,
    lag: orders.lag,
    retrying: parked.retrying,
    dead: parked.dead,
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
