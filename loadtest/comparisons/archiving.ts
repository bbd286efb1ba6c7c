import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { STORE_FILE } from '../../shared/disk/data-files.ts'
import { table } from '../../infra/ops/table.ts'
import type { OrderView } from '../../shared/domain/order-view.ts'
import type { ArchivingTask } from '../options.ts'
import { drainFully } from '../outcome/verdict.ts'
import { rounded } from '../report/rounded.ts'
import { createRequests } from '../requests.ts'
import { laneOf } from '../scenarios.ts'
import { withConnections } from '../sending/connections.ts'
import { fire } from '../sending/fire.ts'
import { Tally } from '../sending/tally.ts'
import { percentileOf } from '../statistics.ts'
import { ask, startProduct, TargetError, type Target } from '../target.ts'
import { startArchive, type RunningArchive } from './archive-process.ts'
import { storeEarlierOrders } from './earlier-orders.ts'
import { ratio, type Caller } from './figures.ts'

export type ArchivingOptions = Omit<ArchivingTask, 'does'> & Caller

const WARM_UP_SECONDS = 5
const WINDOW_SECONDS = 10
/** How long to wait after archiving is paused or resumed, so that requests in flight can finish. */
const SETTLE_MS = 1000
const DRAIN_SECONDS = 60
const AT_ONCE = 16
const EMBEDDED = { KAFKA_BROKERS: '', SQL_CONNECTION_STRING: '' }

/**
 * A table that shows how long orders take while `ops archive` runs and while it does not, both measured in one run. The
 * command runs in its own process, as it does for operators, and moves the older half of the orders. It is paused in
 * half of the windows, so that other work on the machine affects both conditions equally. Each condition is measured
 * for `seconds`. The measurement starts when the store begins to remove the first file's orders, because removal is the
 * longest and most expensive step.
 */
export async function archiving(options: ArchivingOptions): Promise<string> {
  const { orders, onProgress } = options
  const data = mkdtempSync(join(tmpdir(), 'loadtest-data-'))
  const to = mkdtempSync(join(tmpdir(), 'loadtest-archive-'))
  try {
    const earlier = await storeEarlierOrders(data, orders, options)
    const target = await startProduct({ ...EMBEDDED, DATA_DIR: data })
    try {
      onProgress('warming up')
      await place(target, WARM_UP_SECONDS, options, measured())
      const archive = startArchive(target, earlier.middle, to)
      try {
        onProgress('waiting for the first file')
        await archive.firstFile(options.signal)
        const ranBefore = archive.runSeconds()
        const [paused, running] = await alternate(target, archive, options)
        archive.pause()
        await drainFully(target, DRAIN_SECONDS, options.signal)
        const [alone, beside] = [await figuresOf(target, paused), await figuresOf(target, running)]
        const rows = [row('archive paused', alone, alone), row('archive running', beside, alone)]
        const figures = table(['', 'accepted', '202: p50 ms', 'p99', 'ratio', 'stored: p50 ms', 'p99', 'ratio'], rows)
        const orders = archive.archivedIn(join(data, STORE_FILE))
        const removed = { orders, seconds: archive.runSeconds() - ranBefore }
        return `${figures}\n${words(options, earlier.seconds, removed)}`
      } finally {
        await archive[Symbol.asyncDispose]()
      }
    } finally {
      await target.stop()
    }
  } finally {
    for (const directory of [data, to]) rmSync(directory, { recursive: true, force: true })
  }
}

function words(
  { orders, rate }: ArchivingOptions,
  fillSeconds: number,
  removed: { orders: number; seconds: number },
): string {
  return `${rate} requests a second, sent evenly, to a store with ${orders} orders, which took ${fillSeconds} s to fill.
Archiving removed ${removed.orders} orders from the store in ${Math.round(removed.seconds)} s. Ratios compare the p99 of the two rows.`
}

/** The requests sent in all windows in which archiving runs, or in all windows in which it is paused. */
type Measured = ReturnType<typeof measured>
function measured() {
  return { tally: new Tally('place-order'), requests: createRequests(1) }
}

/**
 * The two conditions swap places from one pair of windows to the next, so that a steady drift in the machine's speed
 * cancels out.
 */
async function alternate(target: Target, archive: RunningArchive, options: ArchivingOptions) {
  const { seconds, onProgress, signal } = options
  const [paused, running] = [measured(), measured()]
  const pairs = Math.max(1, Math.round(seconds / WINDOW_SECONDS))
  for (let window = 0; window < 2 * pairs; window += 1) {
    const isRunning = window % 4 === 1 || window % 4 === 2
    if (isRunning) archive.resume()
    else archive.pause()
    await sleep(SETTLE_MS, undefined, { signal })
    onProgress(`window ${window + 1} of ${2 * pairs}`)
    await place(target, Math.min(seconds, WINDOW_SECONDS), options, isRunning ? running : paused)
    archive.requireRunning()
  }
  return [paused, running] as const
}

async function place(
  target: Target,
  seconds: number,
  { connections, rate, signal }: ArchivingOptions,
  { tally, requests }: Measured,
): Promise<void> {
  const began = performance.now()
  await withConnections(target.url, (free) =>
    fire({
      target,
      lane: laneOf('place-order', { connections, rate, burst: false }),
      seconds,
      next: () => requests.next('place-order'),
      onAnswer: (status, body) => requests.answered('place-order', status, body),
      tally,
      connections: free,
      now: () => performance.now() - began,
      signal,
    }),
  )
  signal.throwIfAborted()
  const failed = tally.refused + tally.timeouts + tally.errors
  if (failed > 0) throw new TargetError(`${failed} orders were not accepted: ${tally.failures}.`)
}

/** Sorted times in ms: from the due time to the 202, and, for a sample of the orders, from acceptance to storage. */
async function figuresOf(target: Target, { tally, requests: { sample } }: Measured) {
  const stored: number[] = []
  for (let from = 0; from < sample.paths.length; from += AT_ONCE) {
    const answers = await Promise.all(sample.paths.slice(from, from + AT_ONCE).map((path) => ask(target, path)))
    for (const { body } of answers) {
      const { acceptedAt = '', storedAt = '' } = body as OrderView
      stored.push(Date.parse(storedAt) - Date.parse(acceptedAt))
    }
  }
  return { accepted: tally.latencies.latest(tally.succeeded), stored: Float64Array.from(stored).sort() }
}
type Figures = Awaited<ReturnType<typeof figuresOf>>

function row(name: string, { accepted, stored }: Figures, alone: Figures): (string | number | null)[] {
  return [name, accepted.length, ...compared(accepted, alone.accepted), ...compared(stored, alone.stored)]
}

function compared(times: Float64Array, alone: Float64Array): (string | number | null)[] {
  const [p50, p99] = [percentileOf(times, 50), percentileOf(times, 99)]
  return [rounded(p50), rounded(p99), ratio(p99, percentileOf(alone, 99))]
}
