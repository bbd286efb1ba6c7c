import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { table } from '../../infra/ops/table.ts'
import { cpuMicroseconds, maxResidentMiB } from '../machine.ts'
import { rateBetween, untilStored } from '../outcome/standing.ts'
import { median } from '../statistics.ts'
import { ROOT } from '../target.ts'
import { choose, contender, ratioTables, type Contender } from './contenders.ts'
import { inTurn, whole } from './figures.ts'
import { fill } from './fill.ts'
import { express, goService, product, products, type Program } from './programs.ts'
import type { VersusOptions } from './versus.ts'

/** Where orders wait: in a topic on the broker, or in a topic of the embedded log in this data directory. */
interface Log {
  readonly topic: string
  readonly directory?: string
}
type Measured = Awaited<ReturnType<typeof measure>>

/**
 * The batch sizes to measure when functions are invoked as in the Functions worker, through the library's invocation
 * model.
 */
const DELIVERIES = [64, 1000]
/** The column names for the values in a row's `medians`. */
const RATIOS = ['orders/s', 'CPU/order', 'memory']

/**
 * Compares how fast orders that wait in a log are stored by the product, by another checkout of it, and by consumers
 * built from common libraries. They take turns, and each of them stores the same number of orders. The time is measured
 * from the first stored order to the last.
 */
export async function compareWaiting(orders: number, options: VersusOptions): Promise<string> {
  const { onProgress, against, only, rounds } = options
  const { contenders, leftOut } = await choose(contendersOf(process.env['KAFKA_BROKERS'] ?? '', against), only)
  const base = mkdtempSync(join(tmpdir(), 'loadtest-waiting-'))
  const remove = () => rmSync(base, { recursive: true, force: true })
  process.once('exit', remove)
  try {
    const logs = new Map<string, Log>()
    const logFor = async (program: Program) => {
      const kept = logs.get(nameOfLog(program))
      if (kept !== undefined) return kept
      onProgress(`placing ${orders} orders in the log of ${program.name}`)
      const log = await fillLog(program, join(base, String(logs.size)), orders, options)
      logs.set(nameOfLog(program), log)
      return log
    }
    const measured = await inTurn(contenders, options, async ({ program }) =>
      measure(program, await logFor(program), orders, options),
    )
    return [waitingText(measured, orders), ...leftOut, `Medians of ${rounds} rounds.`].join('\n\n')
  } finally {
    process.off('exit', remove)
    remove()
  }
}

function contendersOf(brokers: string, against: string | undefined): Contender[] {
  const workers = DELIVERIES.flatMap((size) => {
    const settings = {
      FUNCTIONS_INVOCATION: 'official',
      AzureFunctionsJobHost__extensions__kafka__maxBatchSize: String(size),
    }
    return products('embedded', against, settings).map((program) =>
      contender(program, `worker's deliveries of ${size}`),
    )
  })
  const embedded = products('embedded', against).map(draining)
  if (brokers === '') return [...embedded, ...workers]
  return [...[express, goService(), ...products('Kafka', against)].map(draining), ...embedded, ...workers]
}

function draining(program: Program): Contender {
  return contender(program, 'draining', program.name)
}

/** Programs whose logs have the same name store the same orders. */
function nameOfLog({ log, root }: Program): string {
  return log === 'embedded' ? `embedded in ${root}` : 'Kafka'
}

/** Each checkout fills its own embedded log, because an older checkout may not be able to read a newer one's log. */
async function fillLog(program: Program, directory: string, orders: number, options: VersusOptions): Promise<Log> {
  const { connections, signal } = options
  const topic = `loadtest-waiting-${Date.now().toString(36)}`
  const log = program.log === 'embedded' ? { topic, directory } : { topic }
  const filler = program.log === 'embedded' ? product(program.root ?? ROOT, 'embedded') : product(ROOT, 'Kafka')
  const target = await filler.start({ storing: false, ...log })
  try {
    await fill(target, orders, connections, signal)
    return log
  } finally {
    await target.stop()
  }
}

async function measure(program: Program, { topic, directory }: Log, orders: number, { signal }: VersusOptions) {
  const copy = directory === undefined ? {} : { directory: `${directory}-copy` }
  if (directory !== undefined) cpSync(directory, `${directory}-copy`, { recursive: true })
  // A new group reads the topic from the beginning.
  const group = `${topic}-${Date.now().toString(36)}`
  const target = await program.start({ storing: true, topic, group, ...copy })
  const look = async () => ({
    stored: await program.stored(target),
    at: performance.now(),
    cpu: cpuMicroseconds(target.pid),
  })
  try {
    const begun = await untilStored(1, program.name, look, signal)
    const rate = rateBetween(begun, await untilStored(orders, program.name, look, signal))
    return { ...rate, maxResidentMiB: maxResidentMiB(target.pid) }
  } finally {
    await target.stop()
    if (directory !== undefined) rmSync(`${directory}-copy`, { recursive: true })
  }
}

export function waitingText(measured: ReadonlyMap<Contender, readonly Measured[]>, orders: number): string {
  const rows = [...measured].map(([one, rounds]) => {
    const perSecond = median(rounds.map(({ perSecond }) => perSecond))
    const cpu = median(rounds.flatMap(({ cpuMicroseconds: cpu }) => cpu ?? []))
    const memory = median(rounds.flatMap(({ maxResidentMiB }) => maxResidentMiB ?? []))
    return { ...one, medians: [perSecond, cpu, memory] }
  })
  const figures = table(
    [`storing ${orders} waiting orders`, 'orders/s', 'CPU µs/order', 'MiB at most'],
    rows.map(({ name, medians }) => [name, ...medians.map(whole)]),
  )
  return [figures, ...ratioTables(rows, RATIOS)].join('\n\n')
}
