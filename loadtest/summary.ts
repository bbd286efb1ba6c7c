import { table } from '../infra/ops/table.ts'
import { describeAssertion } from './assertions.ts'
import { accountsTable, latencyTable, requestTable, type Table } from './report/tables.ts'
import type { RunResult } from './result.ts'
import { ARRIVALS, arrivalsOf } from './scenarios.ts'

/** The run as tables for a terminal of 80 columns. */
export function summaryText(result: RunResult): string {
  const { cost, verdict, assertions, machine, settings } = result
  const facts = [
    ...(cost === null
      ? []
      : [`${cost.cpuMicrosecondsPerRequest} µs of CPU a request, ${cost.maxResidentMiB} MiB at most`]),
    `${machine.processor}, ${machine.cores} cores, load ${machine.loadBefore} before the run`,
  ]
  return [
    `Latency in ms of requests ${ARRIVALS[arrivalsOf(settings)].sent}`,
    textOf(latencyTable(result)),
    '',
    textOf(requestTable(result)),
    '',
    ...facts,
    '',
    textOf(accountsTable(result)),
    '',
    verdict.summary,
    ...(verdict.ledger === null ? [] : [verdict.ledger.summary]),
    ...assertions.map(describeAssertion),
  ].join('\n')
}

function textOf({ header, rows }: Table): string {
  return table(header, rows)
}
