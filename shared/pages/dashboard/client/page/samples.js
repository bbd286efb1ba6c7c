import { msBetween } from './format.js'

/**
 * The charts' data, computed from the product's responses: rates from the differences between counters, and percentiles
 * from the times of orders. Uses neither the page nor the network; all times are the server's.
 *
 * @typedef {import('../../../../application/operations/status.ts').PipelineStatus} PipelineStatus
 * @typedef {import('../../../../application/operations/pipeline-history.ts').HistoryPoint} HistoryPoint
 * @typedef {Pick<HistoryPoint, 'at' | 'records' | 'stored' | 'storedLater' | 'deadLetters'>} Figures
 * @typedef {Pick<import('../../../../domain/order-view.ts').OrderView, 'acceptedAt' | 'storedAt' | 'recovered'>} TimedOrder
 * @typedef {{
 *   at: number,
 *   accepted: number | null,
 *   stored: number | null,
 *   dying: number | null,
 *   rescued: number | null,
 *   lag: number,
 *   retrying: number | null,
 *   dead: number | null,
 *   p50: number | null,
 *   p99: number | null,
 * }} Sample `at` in seconds since 1970, rates per second, percentiles in milliseconds; null means unknown
 */

/**
 * After a pause longer than this, for example while the page was hidden, the rate is unknown, because it would be an
 * average over the pause.
 */
const MAX_PAUSE_MS = 10_000
/**
 * How long an order counts towards the percentiles: for several seconds, so that even a quiet pipeline has percentiles.
 */
const LATENCY_SECONDS = 5

/** @param {{ keepSeconds: number }} options */
export function createSamples({ keepSeconds }) {
  /** @type {readonly Sample[]} */
  let samples = []
  /** @type {Figures | undefined} */
  let last
  let seenStoredAt = ''
  /** @type {{ storedAt: number, ms: number }[]} */
  let latencies = []

  return {
    /** @returns {readonly Sample[]} oldest first */
    all: () => samples,

    /**
     * Whether samples are missing before this one, because the page was just opened, hidden or disconnected.
     *
     * @param {PipelineStatus} status
     */
    hasGapBefore: ({ at }) => last === undefined || elapsedMs(last.at, at) > MAX_PAUSE_MS,

    /**
     * Adds the product's history, which is the same for every open page. The history replaces this page's samples in
     * the period that it covers. Earlier samples are kept, because a restarted product no longer has them.
     *
     * @param {readonly HistoryPoint[]} points oldest first
     */
    addHistory(points) {
      const earlier = points.map((point, index) => ({
        ...ratesOf(points[index - 1], point),
        lag: point.lag,
        retrying: point.retrying,
        dead: point.dead,
        p50: point.p50Ms,
        p99: point.p99Ms,
      }))
      const [first, newest] = [earlier[0], points.at(-1)]
      if (first === undefined || newest === undefined) return
      const until = Date.parse(newest.at) / 1000
      samples = [...samples.filter(({ at }) => at < first.at), ...earlier, ...samples.filter(({ at }) => at > until)]
      if (last === undefined || last.at < newest.at) last = newest
    },

    /** @param {PipelineStatus} status */
    add(status) {
      const figures = figuresOf(status)
      const rates = ratesOf(last, figures)
      latencies = latencies.filter(({ storedAt }) => storedAt > rates.at - LATENCY_SECONDS)
      const pace = latencies.map(({ ms }) => ms)
      /** @type {Sample} */
      const sample = {
        ...rates,
        lag: status.orders.lag,
        retrying: status.parked.retrying,
        dead: status.parked.dead,
        p50: percentile(pace, 0.5),
        p99: percentile(pace, 0.99),
      }
      last = figures
      samples = [...samples.filter(({ at }) => at > sample.at - keepSeconds && at < sample.at), sample]
      return sample
    },

    /**
     * Adds the latencies of those orders in the list that are new. They count for LATENCY_SECONDS. Redriven orders do
     * not count, because they waited for an operator.
     *
     * @param {readonly TimedOrder[]} orders
     */
    addOrders(orders) {
      const fresh = orders.filter(({ storedAt = '' }) => storedAt > seenStoredAt)
      for (const { storedAt = '' } of fresh) if (storedAt > seenStoredAt) seenStoredAt = storedAt
      latencies.push(...fresh.flatMap(latencyOf))
    },
  }
}

/** @param {PipelineStatus} status @returns {Figures} */
function figuresOf({ at, orders, parked, deadLetters }) {
  return {
    at,
    records: orders.records,
    stored: orders.stored + parked.stored,
    storedLater: parked.stored,
    deadLetters: deadLetters.records,
  }
}

/**
 * @param {Figures | undefined} before
 * @param {Figures} after
 */
function ratesOf(before, after) {
  /** @param {(figures: Figures) => number | null} counter */
  const rate = (counter) =>
    before === undefined ? null : rateOf(counter(before), counter(after), elapsedMs(before.at, after.at))
  return {
    at: Date.parse(after.at) / 1000,
    accepted: rate(({ records }) => records),
    stored: rate(({ stored }) => stored),
    dying: rate(({ deadLetters }) => deadLetters),
    rescued: rate(({ storedLater }) => storedLater),
  }
}

/** @param {TimedOrder} order */
function latencyOf({ acceptedAt, storedAt, recovered }) {
  const ms = msBetween(acceptedAt, storedAt)
  if (storedAt === undefined || ms === undefined || recovered === true) return []
  return [{ storedAt: Date.parse(storedAt) / 1000, ms }]
}

/**
 * @param {string} before
 * @param {string} after
 */
function elapsedMs(before, after) {
  return Date.parse(after) - Date.parse(before)
}

/**
 * A counter's rate per second; null if the elapsed time is zero or too long, if the counter was reset, or if its value
 * is unknown.
 *
 * @param {number | null} before
 * @param {number | null} after
 * @param {number} ms
 */
export function rateOf(before, after, ms) {
  if (before === null || after === null || ms <= 0 || ms > MAX_PAUSE_MS || after < before) return null
  return ((after - before) * 1000) / ms
}

/**
 * Computes the percentile by nearest rank, so that the result is one of the values.
 *
 * @param {readonly number[]} values
 * @param {number} share
 */
export function percentile(values, share) {
  if (values.length === 0) return null
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null
}
