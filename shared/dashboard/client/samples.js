import { msBetween } from './format.js'

/**
 * What the charts show, made of what the product answers: counters become rates by differencing, orders become
 * percentiles. Pure; times are the server's.
 *
 * @typedef {import('../../application/status.ts').PipelineStatus} PipelineStatus
 * @typedef {Pick<import('../../domain/order-view.ts').OrderView, 'acceptedAt' | 'storedAt' | 'recovered'>} TimedOrder
 * @typedef {{
 *   at: number,
 *   accepted: number | null,
 *   stored: number | null,
 *   dying: number | null,
 *   rescued: number | null,
 *   lag: number,
 *   retrying: number,
 *   dead: number,
 *   p50: number | null,
 *   p99: number | null,
 * }} Sample `at` in seconds since 1970, rates a second, percentiles in milliseconds; null is what is not known
 */

/** A longer pause, of a hidden page or a lost connection, gives no rate: it would smear what happened meanwhile. */
const MAX_PAUSE_MS = 10_000
/** So long an order counts towards the percentiles: shorter, and a quiet pipeline would have none. */
const LATENCY_SECONDS = 5

/** @param {{ keepSeconds: number, earlier?: readonly Sample[] }} options `earlier` is what another page kept, oldest first */
export function createSamples({ keepSeconds, earlier = [] }) {
  /** @type {readonly Sample[]} */
  let samples = earlier
  /** @type {PipelineStatus | undefined} */
  let last
  let seenStoredAt = ''
  /** @type {{ storedAt: number, ms: number }[]} */
  let latencies = []

  return {
    /** @returns {readonly Sample[]} oldest first */
    all: () => samples,

    /** @param {PipelineStatus} status */
    add(status) {
      const at = Date.parse(status.at) / 1000
      /** @param {(status: PipelineStatus) => number} counter */
      const rate = (counter) =>
        last === undefined ? null : rateOf(counter(last), counter(status), elapsedMs(last, status))
      latencies = latencies.filter(({ storedAt }) => storedAt > at - LATENCY_SECONDS)
      const pace = latencies.map(({ ms }) => ms)
      /** @type {Sample} */
      const sample = {
        at,
        accepted: rate(({ orders }) => orders.records),
        stored: rate(({ orders, parked }) => orders.stored + parked.stored),
        dying: rate(({ deadLetters }) => deadLetters.records),
        rescued: rate(({ parked }) => parked.stored),
        lag: status.orders.lag,
        retrying: status.parked.retrying,
        dead: status.parked.dead,
        p50: percentile(pace, 0.5),
        p99: percentile(pace, 0.99),
      }
      last = status
      samples = [...samples.filter((one) => one.at > at - keepSeconds && one.at < at), sample]
      return sample
    },

    /**
     * Orders, newest first; those that were not there before count for a few seconds. What an operator redrove
     * waited for a person, and says nothing of the pipeline's pace.
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

/** @param {TimedOrder} order */
function latencyOf({ acceptedAt, storedAt, recovered }) {
  const ms = msBetween(acceptedAt, storedAt)
  if (storedAt === undefined || ms === undefined || recovered === true) return []
  return [{ storedAt: Date.parse(storedAt) / 1000, ms }]
}

/**
 * @param {PipelineStatus} before
 * @param {PipelineStatus} after
 */
function elapsedMs(before, after) {
  return Date.parse(after.at) - Date.parse(before.at)
}

/**
 * A second; null when no time passed, too much, or the counter began anew.
 *
 * @param {number} before
 * @param {number} after
 * @param {number} ms
 */
export function rateOf(before, after, ms) {
  if (ms <= 0 || ms > MAX_PAUSE_MS || after < before) return null
  return ((after - before) * 1000) / ms
}

/**
 * By nearest rank: a value that was really there.
 *
 * @param {readonly number[]} values
 * @param {number} share
 */
export function percentile(values, share) {
  if (values.length === 0) return null
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null
}
