import { table } from '../../infra/ops/table.ts'
import { describeAssertion } from '../outcome/assertions.ts'
import { accountsTable, latencyTable, rampTable, requestTable, type Table } from './tables.ts'
import type { RunResult } from '../outcome/result.ts'
import { ARRIVALS, arrivalsOf } from '../plan.ts'

/** The run as tables for a terminal with 80 columns. */
export function summaryText(result: RunResult): string {
  const { cost, ramp, client, verdict, assertions, machine, settings } = result
  const facts = [
    ...(cost === null
      ? []
      : [`${cost.cpuMicrosecondsPerRequest} µs of CPU per request, ${cost.maxResidentMiB} MiB at most`]),
    `${machine.processor}, ${machine.cores} cores, load ${machine.loadBefore} before the run`,
    ...doubtsOf(client),
  ]
  return [
    ...(ramp === null ? [] : [textOf(rampTable(ramp)), '', ramp.summary, '']),
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

/** If the client is busy for at least this share of the time, requests have to wait for the client. */
const CLIENT_IS_BUSY = 0.8

/** Reasons why the figures may not reflect the product's performance. */
export function doubtsOf({ busy }: RunResult['client']): string[] {
  if (busy < CLIENT_IS_BUSY) return []
  return [
    `The load test itself was busy ${Math.round(busy * 100)} % of the time, so the figures may reflect its own limit.`,
  ]
}

function textOf({ header, rows }: Table): string {
  return table(header, rows)
}
