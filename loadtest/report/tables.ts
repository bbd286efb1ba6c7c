import type { RunResult } from '../result.ts'
import type { Summary } from '../statistics.ts'
import { rounded } from './rounded.ts'

/** A table of the terminal and of the page, its numbers rounded for people. The first column names the row. */
export interface Table {
  readonly header: readonly string[]
  readonly rows: readonly (readonly (string | number | null)[])[]
}

/** In milliseconds. */
export function latencyTable({ requests, stored }: Pick<RunResult, 'requests' | 'stored'>): Table {
  return {
    header: ['', 'mean', 'p50', 'p90', 'p95', 'p99', 'p99.9', 'max'],
    rows: [
      ...requests.map(({ kind, latency }) => [kind, ...percentiles(latency.summary)]),
      ...(stored === null ? [] : [['accepted to stored', ...percentiles(stored.summary)]]),
    ],
  }
}

export function requestTable({ requests }: Pick<RunResult, 'requests'>): Table {
  return {
    header: ['', 'sent', '2xx', 'a second', 'refused', 'timed out', 'failed', 'unanswered'],
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

/** What became of the orders, the warm-up's too. */
export function accountsTable({ verdict }: Pick<RunResult, 'verdict'>): Table {
  const { sent, accepted, ledger, lost, pending, checked, drainSeconds } = verdict
  const { stored = null, duplicate = null, dead = null } = ledger ?? {}
  return {
    header: ['sent', 'accepted', 'stored', 'duplicates', 'dead', 'lost', 'pending', 'looked for', 'drain s'],
    rows: [[sent, accepted, stored, duplicate, dead, lost, pending, checked, rounded(drainSeconds)]],
  }
}

function percentiles(summary: Summary | null): (number | null)[] {
  if (summary === null) return [null, null, null, null, null, null, null]
  const { mean, p50, p90, p95, p99, p999, max } = summary
  return [mean, p50, p90, p95, p99, p999, max].map(rounded)
}
