import type { RampFigures, RunResult } from '../outcome/result.ts'
import type { Summary } from '../statistics.ts'
import { rounded } from './rounded.ts'

/** A table for the terminal and the page, with rounded numbers. The first column names the row. */
export interface Table {
  readonly header: readonly string[]
  readonly rows: readonly (readonly (string | number | null)[])[]
}

/** A table of latencies in milliseconds. */
export function latencyTable({ requests, stored }: Pick<RunResult, 'requests' | 'stored'>): Table {
  return {
    header: ['', 'mean', 'p50', 'p90', 'p95', 'p99', 'p99.9', 'max'],
    rows: [
      ...requests.map(({ kind, latency }) => [kind, ...cellsOf(latency.summary)]),
      ...(stored === null ? [] : [['accepted to stored', ...cellsOf(stored.summary)]]),
    ],
  }
}

export function requestTable({ requests }: Pick<RunResult, 'requests'>): Table {
  return {
    header: ['', 'sent', 'as expected', 'a second', 'refused', 'timed out', 'failed', 'unanswered'],
    rows: requests.map(({ kind, sent, succeeded, perSecond, refused, timeouts, errors, unanswered }) => [
      kind,
      sent,
      succeeded,
      rounded(perSecond),
      refused,
      timeouts,
      errors,
      unanswered,
    ]),
  }
}

/** A table of a ramp's steps, with latencies in milliseconds. */
export function rampTable({ steps }: RampFigures): Table {
  return {
    header: ['orders a second', '', 'p50', 'p95', 'p99', 'max', 'refused', 'timed out', 'failed', 'lag'],
    rows: steps.map(({ rate, held, requests, lag }) => {
      const { latency, refused, timeouts, errors } = requests
      const { p50 = null, p95 = null, p99 = null, max = null } = latency.summary ?? {}
      const latencies = [p50, p95, p99, max].map((one) => (one === null ? null : rounded(one)))
      return [rate, held ? 'held' : 'broke', ...latencies, refused, timeouts, errors, lag]
    }),
  }
}

/** The outcomes of the orders, including the warm-up. */
export function accountsTable({ verdict }: Pick<RunResult, 'verdict'>): Table {
  const { sent, accepted, ledger, lost, pending, checked, drainSeconds } = verdict
  const { stored = null, duplicate = null, dead = null } = ledger ?? {}
  return {
    header: ['sent', 'accepted', 'stored', 'duplicates', 'dead', 'lost', 'pending', 'looked up', 'drain s'],
    rows: [[sent, accepted, stored, duplicate, dead, lost, pending, checked, rounded(drainSeconds)]],
  }
}

function cellsOf(summary: Summary | null): (number | null)[] {
  if (summary === null) return [null, null, null, null, null, null, null]
  const { mean, p50, p90, p95, p99, p999, max } = summary
  return [mean, p50, p90, p95, p99, p999, max].map(rounded)
}
