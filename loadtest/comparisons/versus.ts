import { table } from '../../infra/ops/table.ts'
import { ARRIVALS } from '../plan.ts'
import type { VersusTask } from '../options.ts'
import { rounded } from '../report/rounded.ts'
import { laneOf } from '../scenarios.ts'
import { median, percentileOf } from '../statistics.ts'
import { choose, contender, ratioTables, type Contender } from './contenders.ts'
import { inTurn, whole, type Caller } from './figures.ts'
import { measureLoad } from './load.ts'
import { bare, express, fastify, goService, products, type Program } from './programs.ts'

export type VersusOptions = Omit<VersusTask, 'does'> & Caller

type Measured = Awaited<ReturnType<typeof measure>>

const INTAKE_ALONE = 'intake alone'
const STORING_TOO = 'storing too'
/** The column names for the values in a row's `medians`. */
const RATIOS = ['accepted/s', 'stored/s', 'CPU/order', 'memory', 'p50', 'p99']

/**
 * Compares the cost of accepting and storing orders in the product, a minimal server, servers built from common
 * libraries, and another checkout of the product. The figures are medians.
 */
export async function versus(options: VersusOptions): Promise<string> {
  const { rounds, rate, against, only } = options
  const { contenders, leftOut } = await choose(contendersOf(process.env['KAFKA_BROKERS'] ?? '', against), only)
  const measured = await inTurn(contenders, options, (one) => measure(one, options))
  const { sent, measures } = ARRIVALS[laneOf('place-order', options).arrivals]
  const about = `${rate === undefined ? '' : `${rate} requests a second, `}${sent}. ${measures}
Medians of ${rounds} rounds. All write each order to a disk or a broker, except bare node:http, which keeps nothing.`
  return [versusText(measured), ...leftOut, about].join('\n\n')
}

function contendersOf(brokers: string, against: string | undefined): Contender[] {
  const alone = [contender(bare, INTAKE_ALONE, bare.name)]
  const embedded = products('embedded', against)
  if (brokers === '') return [...alone, ...both(embedded)]
  return [...alone, ...both([...embedded, express, fastify, goService(), ...products('Kafka', against)])]
}

function both(programs: readonly Program[]): Contender[] {
  return [INTAKE_ALONE, STORING_TOO].flatMap((work) => programs.map((program) => contender(program, work)))
}

async function measure({ program, work }: Contender, options: VersusOptions) {
  const isStoring = work === STORING_TOO
  const target = await program.start({ storing: isStoring })
  try {
    const { tally, elapsedSeconds, ...figures } = await measureLoad(target, options, isStoring ? program : undefined)
    const latencies = tally.latencies.latest(tally.succeeded)
    return {
      ...figures,
      perSecond: tally.succeeded / elapsedSeconds,
      p50Ms: percentileOf(latencies, 50),
      p99Ms: percentileOf(latencies, 99),
      notAccepted: tally.refused + tally.timeouts + tally.errors,
    }
  } finally {
    await target.stop()
  }
}

export function versusText(measured: ReadonlyMap<Contender, readonly Measured[]>): string {
  const rows = [...measured].map(([one, rounds]) => rowOf(one, rounds))
  const figures = table(
    ['', 'accepted/s', 'stored/s', 's behind', 'CPU µs/order', 'MiB at most', 'p50 ms', 'p99', 'not accepted'],
    rows.map(({ name, perSecond, stored, behind, cpu, memory, p50, p99, notAccepted }) => [
      name,
      whole(perSecond),
      whole(stored),
      rounded(behind),
      whole(cpu),
      whole(memory),
      rounded(p50),
      rounded(p99),
      notAccepted,
    ]),
  )
  // Refusing an order takes less work than accepting one, so a row with refusals cannot be compared with the others.
  const unfit = rows
    .filter(({ notAccepted, accepts }) => notAccepted > 0 || !accepts)
    .map(
      ({ name, accepts }) =>
        `${name} did not accept ${accepts ? 'every' : 'any'} order: do not compare its row with the others.`,
    )
  return [[figures, ...unfit].join('\n'), ...ratioTables(rows, RATIOS)].join('\n\n')
}

function rowOf(one: Contender, rounds: readonly Measured[]) {
  // A round without accepted orders has neither latencies nor a cost per order.
  const counted = rounds.filter(({ perSecond }) => perSecond > 0)
  const medianOf = (of: (round: Measured) => number | undefined) => median(counted.flatMap((round) => of(round) ?? []))
  const notAccepted = rounds.reduce((total, { notAccepted }) => total + notAccepted, 0)
  const perSecond = median(rounds.map(({ perSecond }) => perSecond))
  const stored = medianOf(({ storedPerSecond }) => storedPerSecond)
  const cpu = medianOf(({ cpuMicroseconds }) => cpuMicroseconds)
  const memory = medianOf(({ maxResidentMiB }) => maxResidentMiB)
  const p50 = medianOf(({ p50Ms }) => p50Ms)
  const p99 = medianOf(({ p99Ms }) => p99Ms)
  const medians = [perSecond, stored, cpu, memory, p50, p99]
  return {
    ...one,
    perSecond,
    stored,
    cpu,
    memory,
    p50,
    p99,
    notAccepted,
    behind: one.work === STORING_TOO ? medianOf(({ settleSeconds }) => settleSeconds) : Number.NaN,
    accepts: counted.length > 0,
    medians: notAccepted > 0 ? [] : medians,
  }
}
