import { readFileSync } from 'node:fs'
import { table } from '../../infra/ops/table.ts'
import { ratio } from './figures.ts'
import { UsageError } from '../options.ts'
import { rounded } from '../report/rounded.ts'
import { commandFigures, type RunResult } from '../outcome/result.ts'
import { arrivalsOf } from '../plan.ts'

/** Shows two runs side by side. Throws `UsageError` for a file that does not contain a result. */
export function compareFiles(one: string, other: string): string {
  return compareRuns(readResult(one), readResult(other))
}

export function compareRuns(one: RunResult, other: RunResult): string {
  const rows = FIGURES.map(([name, of]) => {
    const [before, after] = [of(one) ?? null, of(other) ?? null]
    return [name, people(before), people(after), ratio(after, before)]
  }).filter(([, before, after]) => before !== null || after !== null)
  const headline = [one, other].map(({ scenario, startedAt, versions, machine }, index) => {
    const commit = versions['commit'] === undefined ? '' : ` (${versions['commit']})`
    return `${'AB'[index]}  ${scenario} of ${startedAt}, product ${versions['product']}${commit}, ${machine.processor}, ${machine.cores} cores`
  })
  return [...headline, '', table(['', 'A', 'B', 'B / A'], rows), ...doubts(one, other)].join('\n')
}

const FIGURES: readonly (readonly [name: string, of: (result: RunResult) => number | null | undefined])[] = [
  ['orders accepted a second', (result) => commandFigures(result).perSecond],
  ['highest rate that held', (result) => result.ramp?.held],
  ['mean ms', (result) => commandFigures(result).latency.summary?.mean],
  ['p50 ms', (result) => commandFigures(result).latency.summary?.p50],
  ['p90 ms', (result) => commandFigures(result).latency.summary?.p90],
  ['p95 ms', (result) => commandFigures(result).latency.summary?.p95],
  ['p99 ms', (result) => commandFigures(result).latency.summary?.p99],
  ['p99.9 ms', (result) => commandFigures(result).latency.summary?.p999],
  ['max ms', (result) => commandFigures(result).latency.summary?.max],
  ['accepted to stored, p50 ms', (result) => result.stored?.summary.p50],
  ['accepted to stored, p99 ms', (result) => result.stored?.summary.p99],
  ['CPU µs per request', (result) => result.cost?.cpuMicrosecondsPerRequest],
  ['memory MiB, at most', (result) => result.cost?.maxResidentMiB],
  ['refused', (result) => commandFigures(result).refused],
  ['timeouts and errors', (result) => commandFigures(result).timeouts + commandFigures(result).errors],
  ['drained in s', (result) => result.verdict.drainSeconds],
  ['lost', (result) => result.verdict.lost],
]

function people(value: number | null): number | null {
  return value === null ? null : rounded(value)
}

/** Reasons why something other than the product may have caused a difference. */
function doubts(one: RunResult, other: RunResult): string[] {
  const differ = (of: (result: RunResult) => unknown) => JSON.stringify(of(one)) !== JSON.stringify(of(other))
  const found = [
    ...(differ(({ settings }) => arrivalsOf(settings))
      ? ['only one of them was measured with evenly spaced requests, so the latencies measure different things']
      : []),
    ...(differ(({ settings }) => settings.phases) ? ['they were not run with the same settings'] : []),
    ...(differ(({ machine }) => [machine.processor, machine.cores]) ? ['they were run on different machines'] : []),
    ...(differ(({ versions }) => versions['node']) ? ['they were run on different versions of Node'] : []),
    ...([one, other].some(({ machine }) => machine.loadBefore > machine.cores / 2)
      ? ['a machine was busy with other work before its run']
      : []),
  ]
  return found.length === 0 ? [] : ['', `Compare with care: ${found.join('; ')}.`]
}

function readResult(file: string): RunResult {
  try {
    const result = JSON.parse(readFileSync(file, 'utf8')) as RunResult
    if (result.schema === 1) return result
  } catch (error) {
    throw new UsageError(`${file} cannot be read as a result.`, { cause: error })
  }
  throw new UsageError(`${file} is not the result of a load test.`)
}
