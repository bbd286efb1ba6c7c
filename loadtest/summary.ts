import { table } from '../infra/ops/table.ts'
import { describeAssertion } from './assertions.ts'
import type { RunResult } from './result.ts'
import type { Summary } from './statistics.ts'

/** The run as tables for a terminal. */
export function summaryText(result: RunResult): string {
  const { requests, stored, cost, verdict, assertions, machine } = result
  const columns = ['', 'sent', '2xx', 'per second', 'mean ms', 'p50', 'p99', 'p99.9', 'max', 'refused', 'failed']
  const rows: (string | number | null)[][] = requests.map(
    ({ kind, latency: { summary }, sent, succeeded, perSecond, refused, timeouts, errors }) => {
      return [kind, sent, succeeded, perSecond, ...cells(summary), refused, timeouts + errors]
    },
  )
  if (stored !== null)
    rows.push(['accepted to stored', null, stored.summary.count, null, ...cells(stored.summary), null, null])
  const facts = [
    ...(cost === null
      ? []
      : [`${cost.cpuMicrosecondsPerRequest} µs of CPU a request, ${cost.maxResidentMiB} MiB at most`]),
    `${machine.processor}, ${machine.cores} cores, load ${machine.loadBefore} before the run`,
  ]
  const { ledger } = verdict
  const accounts = table(
    ['sent', 'accepted', 'stored', 'duplicates', 'dead', 'lost', 'pending', 'drained in s'],
    [
      [
        verdict.sent,
        verdict.accepted,
        ledger?.stored,
        ledger?.duplicate,
        ledger?.dead,
        verdict.lost,
        verdict.pending,
        verdict.drainSeconds,
      ],
    ],
  )
  return [
    table(columns, rows),
    '',
    ...facts,
    '',
    accounts,
    '',
    verdict.summary,
    ...(ledger === null ? [] : [ledger.summary]),
    ...assertions.map(describeAssertion),
  ].join('\n')
}

function cells(summary: Summary | null): (number | null)[] {
  if (summary === null) return [null, null, null, null, null]
  return [summary.mean, summary.p50, summary.p99, summary.p999, summary.max]
}
