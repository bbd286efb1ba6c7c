import { parseArgs } from 'node:util'
import { messageOf } from '../shared/domain/errors.ts'
import { METRIC_NAMES, parseAssertions, parseBound, withDefaults, type Assertion } from './outcome/assertions.ts'
import { DEFAULT_BOUND, isScenario, SCENARIOS } from './scenarios.ts'
import { BREAKABLES, FACTORS, type Breakable } from './plan.ts'
import type { Environment } from '../shared/settings/environment.ts'

/** A parsed command line. */
export type Task = Readonly<ReturnType<typeof readTask>>
export type VersusTask = Extract<Task, { does: 'versus' }>
export type GrowthTask = Extract<Task, { does: 'growth' }>
export type ArchivingTask = Extract<Task, { does: 'archiving' }>
export type RunTask = Extract<Task, { does: 'run' }>

/** The command line is invalid; the message explains why. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

const OPTIONS = {
  url: { type: 'string' },
  key: { type: 'string' },
  rate: { type: 'string' },
  burst: { type: 'boolean' },
  connections: { type: 'string' },
  seconds: { type: 'string' },
  break: { type: 'string' },
  seed: { type: 'string' },
  drain: { type: 'string' },
  assert: { type: 'string' },
  out: { type: 'string' },
  rounds: { type: 'string' },
  against: { type: 'string' },
  only: { type: 'string' },
  waiting: { type: 'string' },
  factor: { type: 'string' },
  orders: { type: 'string' },
  junit: { type: 'string' },
  bound: { type: 'string' },
  step: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

const DEFAULT_ASSERTIONS = 'lost=0,pending=0,errors=0,timeouts=0'
/** A ramp exceeds the product's capacity on purpose, so errors are allowed. */
const RAMP_ASSERTIONS = 'lost=0,pending=0,knee>0'
const DEFAULT_OUT = 'loadtest/results'

/** The options that the comparisons accept. */
const HEEDED: Readonly<Record<string, readonly string[]>> = {
  compare: [],
  versus: ['seconds', 'rounds', 'connections', 'rate', 'burst', 'against', 'only', 'waiting'],
  growth: ['factor', 'seconds', 'connections'],
  archiving: ['orders', 'rate', 'seconds', 'connections'],
}
/** The scenarios that accept an option. Options that are not listed here apply to all scenarios. */
const HEEDED_BY: Readonly<Record<string, readonly string[]>> = {
  rounds: [],
  against: [],
  only: [],
  waiting: [],
  factor: [],
  orders: [],
  bound: ['ramp'],
  step: ['ramp'],
  break: ['outage'],
}

export const USAGE = `npm run loadtest -- <scenario> [options]
npm run loadtest -- compare A.json B.json
npm run loadtest -- versus [--seconds 5] [--rounds 3] [--connections 50] [--rate <number> [--burst]]
                           [--against <directory>] [--only <list>]
npm run loadtest -- versus --waiting <number> [--rounds 3] [--against <directory>] [--only <list>]
npm run loadtest -- growth --factor ${FACTORS.join('|')} [--seconds 5] [--connections 50]
npm run loadtest -- archiving [--orders 1000000] [--rate 200] [--seconds 60] [--connections 50]

Scenarios:
${Object.entries(SCENARIOS)
  .map(([name, { summary }]) => `  ${name.padEnd(9)} ${summary}`)
  .join('\n')}

Options:
  --url <url>          of a running product (LOADTEST_URL); without it, the product is started in a temporary directory
  --key <key>          its function key, for lag and ledger, and for orders with ORDERS_AUTH=function (FUNCTIONS_KEY)
  --rate <number>      requests a second over all connections together; without it, saturate and versus send as many as
                       they can
  --burst              sends each second's requests at its start, as in the original's run. This measures how long a
                       burst takes, and misses a stall between two bursts. Without it requests are sent evenly, and each
                       is measured from when it was due. That shows how long callers wait when they arrive one by one
  --connections <number>  at most this many requests wait for an answer at the same time
  --seconds <number>   of the run, without warm-up and drain
  --break store|log    the part that "outage" makes unavailable (store)
  --seed <number>      of the orders (1): the same seed gives the same orders
  --drain <seconds>    the longest wait at the end for orders without an outcome (60)
  --bound <list>       assertions that must hold in each step of a ramp (${DEFAULT_BOUND})
  --step <seconds>     how long a step of a ramp takes (5); --seconds is how long the whole ramp may take
  --waiting <number>   versus compares how fast this many orders waiting in a log are stored, not how fast orders are
                       accepted
  --against <directory>  another checkout of the product, which versus compares too
  --only <list>        versus runs only contenders whose names contain one of these strings
  --assert <list>      such as p99<50ms,rate>=50, in addition to the defaults that every run must meet:
                       ${DEFAULT_ASSERTIONS} (a ramp: ${RAMP_ASSERTIONS}).
                       An assertion replaces the default for the same figure: errors<5 allows four, errors>=0 any
                       number. Figures:
                       ${METRIC_NAMES.slice(0, 12).join(' ')}
                       ${METRIC_NAMES.slice(12).join(' ')}
  --out <directory>    where the result is written, as JSON and as a page (${DEFAULT_OUT})
  --junit <file>       where the assertions are written as test cases, for a CI pipeline

Exit codes: 0 success, 1 an assertion does not hold, 2 usage error, 3 product unreachable.`

/** Throws `UsageError`. */
export function readTask(words: readonly string[], environment: Environment) {
  const { values, positionals } = parse(words)
  const [verb, ...rest] = positionals
  if (values.help === true || verb === undefined) return { does: 'help' as const }
  checkHeeded(verb, Object.keys(values))
  if (verb === 'compare') {
    const [one, other, ...more] = rest
    if (one === undefined || other === undefined || more.length > 0) {
      throw new UsageError('compare needs two files: A.json B.json.')
    }
    return { does: 'compare' as const, files: [one, other] as const }
  }
  if (rest.length > 0) throw new UsageError(`Unexpected arguments: ${rest.join(' ')}.`)
  const { burst = false } = values
  const [connections, rate, seconds] = [
    wholeNumber('connections', values.connections),
    wholeNumber('rate', values.rate),
    wholeNumber('seconds', values.seconds),
  ]
  if (verb === 'versus') {
    const waiting = wholeNumber('waiting', values.waiting)
    checkBurst(burst, rate)
    if (waiting !== undefined && (rate ?? seconds) !== undefined) {
      throw new UsageError(
        '--waiting cannot be combined with --seconds or --rate, because it ends when all orders are stored.',
      )
    }
    return {
      does: 'versus' as const,
      rounds: wholeNumber('rounds', values.rounds) ?? 3,
      seconds: seconds ?? 5,
      connections: connections ?? 50,
      rate,
      burst,
      waiting,
      against: values.against,
      only: values.only?.split(',') ?? [],
    }
  }
  if (verb === 'growth') {
    const factor = FACTORS.find((known) => known === values.factor)
    if (factor === undefined) throw new UsageError(`growth needs --factor ${FACTORS.join(', ')}.`)
    return { does: 'growth' as const, factor, seconds: seconds ?? 5, connections: connections ?? 50 }
  }
  if (verb === 'archiving') {
    const orders = wholeNumber('orders', values.orders) ?? 1_000_000
    const usual = { rate: rate ?? 200, seconds: seconds ?? 60, connections: connections ?? 50 }
    return { does: 'archiving' as const, orders, ...usual }
  }
  if (!isScenario(verb)) throw new UsageError(`There is no scenario "${verb}".`)
  checkBurst(burst, rate ?? SCENARIOS[verb].defaults.rate)
  if (burst && verb === 'ramp') throw new UsageError('A ramp sends requests evenly, so it does not take --burst.')
  const stepSeconds = wholeNumber('step', values.step)
  const defaults = parseAssertions(verb === 'ramp' ? RAMP_ASSERTIONS : DEFAULT_ASSERTIONS)
  return {
    does: 'run' as const,
    scenario: verb,
    said: {
      ...(connections !== undefined && { connections }),
      ...(rate !== undefined && { rate }),
      ...(seconds !== undefined && { seconds }),
      burst,
      ...(values.bound !== undefined && { bound: parsed('bound', values.bound, parseBound) }),
      ...(stepSeconds !== undefined && { stepSeconds }),
      ...(values.break !== undefined && { broken: breakable(values.break) }),
    },
    // Without a URL, the load test starts the product itself.
    url: values.url ?? environment['LOADTEST_URL'],
    key: values.key ?? environment['FUNCTIONS_KEY'],
    seed: wholeNumber('seed', values.seed) ?? 1,
    drainSeconds: wholeNumber('drain', values.drain) ?? 60,
    assertions: withDefaults(defaults, parsed('assert', values.assert ?? '', parseAssertions)),
    out: values.out ?? DEFAULT_OUT,
    junit: values.junit,
  }
}

function parse(words: readonly string[]) {
  try {
    return parseArgs({ args: [...words], options: OPTIONS, allowPositionals: true, strict: true })
  } catch (error) {
    throw new UsageError(messageOf(error), { cause: error })
  }
}

function parsed(name: string, list: string, parse: (list: string) => Assertion[]): Assertion[] {
  try {
    return parse(list)
  } catch (error) {
    throw new UsageError(`--${name}: ${messageOf(error)}`, { cause: error })
  }
}

/** Refuses options that the command would ignore, except `--out`, which the image adds to every command. */
function checkHeeded(verb: string, said: readonly string[]): void {
  const isHeeded = (name: string) =>
    name === 'out' || (HEEDED[verb]?.includes(name) ?? HEEDED_BY[name]?.includes(verb) ?? true)
  const unheeded = said.filter((name) => !isHeeded(name)).map((name) => `--${name}`)
  if (unheeded.length > 0) throw new UsageError(`${verb} does not take ${unheeded.join(', ')}.`)
}

function wholeNumber(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  if (!/^[1-9]\d{0,8}$/.test(value))
    throw new UsageError(`--${name} must be a whole number of at least 1, not "${value}".`)
  return Number(value)
}

function checkBurst(burst: boolean, rate: number | undefined): void {
  if (burst && rate === undefined) throw new UsageError('--burst needs --rate: without a rate there are no bursts.')
}

function breakable(part: string): Breakable {
  const found = BREAKABLES.find((known) => known === part)
  if (found === undefined) throw new UsageError(`--break must be ${BREAKABLES.join(' or ')}, not "${part}".`)
  return found
}
