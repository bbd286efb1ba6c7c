import { costFigures, methodOf, requestFigures, storedFigures } from './figures.ts'
import { Connections } from './sending/connections.ts'
import { fire } from './sending/fire.ts'
import { pause } from './sending/pause.ts'
import { cpuMicroseconds, describeMachine, describeVersions } from './machine.ts'
import { startMonitor } from './monitor.ts'
import { createRequests, type Requests } from './requests.ts'
import type { RunResult } from './result.ts'
import { spansOf, type Breakable, type Lane, type Phase, type Plan, type RequestKind } from './scenarios.ts'
import { percentileOf, round } from './statistics.ts'
import { Tally } from './sending/tally.ts'
import { ask, TargetError, type Target } from './target.ts'
import { drain, judge, readLedger } from './verdict.ts'

export interface Execution {
  readonly plan: Plan
  readonly target: Target
  readonly seed: number
  /** How long to wait at the end for what is still on its way. */
  readonly drainSeconds: number
  readonly onProgress: (line: string) => void
  readonly signal: AbortSignal
}

/** Where requests are counted, and when, in milliseconds, they were sent. */
interface Counting {
  readonly connections: Connections
  readonly requests: Requests
  readonly tallies: Map<RequestKind, Tally>
  readonly now: () => number
}

/** Runs the plan against the target. Throws `TargetError` when the target is not up to it, or the signal's reason. */
export async function execute(execution: Execution): Promise<Omit<RunResult, 'assertions'>> {
  const { plan, target, seed, drainSeconds, onProgress, signal } = execution
  const machine = describeMachine()
  await ask(target, '/api/health/live')
  // Mending what is whole tells whether anything can be broken, before the run and not in the middle of it.
  if (plan.phases.some(({ broken }) => broken !== undefined)) await setBroken(target, undefined)
  const ledgerBefore = await readLedger(target)

  const requests = createRequests(seed)
  await using connections = new Connections(target.url)
  const warmUp: Counting = { connections, requests, tallies: new Map(), now: clock() }
  onProgress('warming up')
  await runPhase(plan.warmUp, target, warmUp, signal)
  signal.throwIfAborted()
  if (requests.accepted === 0) throw new TargetError(`${target.url} accepted no order: there is nothing to measure.`)
  await drain(target, drainSeconds, signal)

  const startedAt = new Date()
  const counting: Counting = { connections, requests, tallies: new Map(), now: clock() }
  const cpuBefore = cpuMicroseconds(target.pid)
  const monitor = startMonitor(target, counting.now, (lag) => onProgress(progressLine(plan, counting, lag)))
  try {
    await runPhases(plan, target, counting, signal)
    const seconds = counting.now() / 1000
    onProgress('waiting for the last orders to be stored')
    const sent = [warmUp, counting].reduce((sum, { tallies }) => sum + (tallies.get('place-order')?.sent ?? 0), 0)
    const claim = { sent, accepted: requests.accepted, orderIds: requests.sample.orderIds }
    const { verdict, stored } = await judge(target, ledgerBefore, claim, drainSeconds, signal)
    const cpuAfter = cpuMicroseconds(target.pid)
    await monitor.stop()
    return {
      schema: 1,
      scenario: plan.scenario,
      startedAt: startedAt.toISOString(),
      seconds: round(seconds),
      settings: {
        target: target.pid === undefined ? target.url : 'the product, started for this run',
        seed,
        warmUpSeconds: plan.warmUp.seconds,
        phases: plan.phases,
      },
      versions: describeVersions(),
      machine,
      phases: spansOf(plan),
      method: methodOf(plan),
      requests: requestFigures(counting.tallies, plan, seconds),
      stored: storedFigures(stored, startedAt) ?? null,
      pipeline: target.key === undefined ? null : monitor.seconds,
      cost: costFigures(cpuBefore, cpuAfter, monitor.maxResidentMiB, counting.tallies) ?? null,
      verdict,
    }
  } finally {
    await monitor.stop()
  }
}

/** Each phase begins on time, while the last answers of the one before may still be coming. */
async function runPhases(plan: Plan, target: Target, counting: Counting, signal: AbortSignal): Promise<void> {
  const spans = spansOf(plan)
  const running = plan.phases.map(async (phase, index) => {
    await pause((spans[index]?.from ?? 0) * 1000, signal)
    if (!signal.aborted) await runPhase(phase, target, counting, signal)
  })
  await Promise.all(running)
  signal.throwIfAborted()
}

async function runPhase(phase: Phase, target: Target, counting: Counting, signal: AbortSignal): Promise<void> {
  const { lanes, seconds, broken } = phase
  if (broken !== undefined) await setBroken(target, broken)
  const firing = lanes.map((lane) => fireLane(lane, seconds, target, counting, signal))
  if (broken !== undefined) {
    await pause(seconds * 1000, signal)
    await setBroken(target, undefined)
  }
  await Promise.all(firing)
}

function fireLane(lane: Lane, seconds: number, target: Target, counting: Counting, signal: AbortSignal) {
  const { connections, requests, tallies, now } = counting
  const { kind } = lane
  const tally = tallies.get(kind) ?? new Tally()
  tallies.set(kind, tally)
  const onAnswer = (status: number, body: string) => requests.answered(kind, status, body)
  const next = () => requests.next(kind)
  return fire({ url: target.url, lane, seconds, next, onAnswer, tally, connections, now, signal })
}

/** Undefined mends everything. */
async function setBroken(target: Target, part: Breakable | undefined): Promise<void> {
  const { status } = await ask(target, '/api/ops/faults', part === undefined ? {} : { [part]: 'down' })
  if (status === 200) return
  const hint = status === 401 ? 'the key is wrong or missing' : 'it was not started with FAULTS=on'
  throw new TargetError(`${target.url} cannot be broken on purpose: ${hint} (it answered ${status}).`)
}

function clock(): () => number {
  const began = performance.now()
  return () => performance.now() - began
}

function progressLine({ scenario, phases }: Plan, { tallies, now }: Counting, lag: number | undefined): string {
  const total = phases.reduce((sum, { seconds }) => sum + seconds, 0)
  const tally = tallies.get('place-order')
  const passed = Math.min(total, Math.round(now() / 1000))
  const p99 = percentileOf(tally?.latencies.latest(1000) ?? new Float64Array(), 99)
  const parts = [
    `${scenario} ${passed}/${total} s`,
    `${tally?.succeeded ?? 0} accepted`,
    ...(Number.isNaN(p99) ? [] : [`p99 ${p99.toFixed(1)} ms`]),
    ...(tally === undefined || tally.refused === 0 ? [] : [`${tally.refused} refused`]),
    ...(lag === undefined ? [] : [`lag ${lag}`]),
  ]
  return parts.join(' · ')
}
