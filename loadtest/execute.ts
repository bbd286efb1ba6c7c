import { costFigures, methodOf, requestFigures, storedFigures } from './outcome/figures.ts'
import { runPhase, runPhases, runRamp, setBroken, type Sending } from './phases.ts'
import { withConnections, type Connections } from './sending/connections.ts'
import { cpuMicroseconds, describeMachine, describeVersions } from './machine.ts'
import { startMonitor } from './monitor.ts'
import { createRequests } from './requests.ts'
import type { RunResult } from './outcome/result.ts'
import { isCommand } from './plan.ts'
import type { Plan } from './scenarios.ts'
import { percentileOf, round } from './statistics.ts'
import { ask, KEY_HINT, TargetError, type Target } from './target.ts'
import { drain, judge, readLedger } from './outcome/verdict.ts'

export interface Execution {
  readonly plan: Plan
  readonly target: Target
  readonly seed: number
  /** The maximum wait at the end for orders without an outcome. */
  readonly drainSeconds: number
  readonly onProgress: (line: string) => void
  readonly signal: AbortSignal
}

/**
 * Runs the plan against the target. Throws `TargetError` if the target does not support the plan, and the signal's
 * reason after an abort.
 */
export async function execute(execution: Execution): Promise<Omit<RunResult, 'assertions'>> {
  return withConnections(execution.target.url, (connections) => executeOver(connections, execution))
}

async function executeOver(connections: Connections, execution: Execution): Promise<Omit<RunResult, 'assertions'>> {
  const { plan, target, seed, drainSeconds, onProgress, signal } = execution
  const machine = describeMachine()
  await ask(target, '/api/health/live')
  // Fails now rather than in the middle of the run if the target does not allow faults to be injected.
  if (plan.phases.some(({ broken }) => broken !== undefined)) await setBroken(target, undefined)
  const ledgerBefore = await readLedger(target)

  const requests = createRequests(seed)
  const warmUp: Sending = { target, connections, requests, tallies: new Map(), now: clock(), signal }
  onProgress('warming up')
  await runPhase(plan.warmUp, warmUp)
  signal.throwIfAborted()
  if (requests.accepted === 0) throw new TargetError(nothingAccepted(target, warmUp))
  await drain(target, drainSeconds, signal)

  const startedAt = new Date()
  const sending: Sending = { ...warmUp, tallies: new Map(), now: clock() }
  const cpuBefore = cpuMicroseconds(target.pid)
  const monitor = startMonitor(target, sending.now, (lag) => onProgress(progressLine(plan, sending, lag)))
  try {
    const utilization = performance.eventLoopUtilization()
    const lag = () => monitor.seconds.at(-1)?.lag ?? null
    const { phases, spans, ramp } =
      plan.ramp === undefined ? await runPhases(plan, sending) : await runRamp(plan.ramp, sending, lag)
    const busy = performance.eventLoopUtilization(utilization).utilization
    const seconds = sending.now() / 1000
    onProgress('waiting for the last orders to be stored')
    const commands = [warmUp, sending].flatMap(({ tallies }) => [...tallies].filter(([kind]) => isCommand(kind)))
    const sent = commands.reduce((sum, [, tally]) => sum + tally.sent, 0)
    const claim = { sent, accepted: requests.accepted, changes: requests.changes, paths: requests.sample.paths }
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
        phases,
      },
      versions: describeVersions(),
      machine,
      phases: spans,
      method: methodOf({ phases }),
      requests: requestFigures(sending.tallies, phases, seconds),
      stored: storedFigures(stored, startedAt),
      pipeline: target.key === undefined ? null : monitor.seconds,
      cost: costFigures(cpuBefore, cpuAfter, monitor.maxResidentMiB, sending.tallies),
      ramp,
      client: { busy: round(busy) },
      verdict,
    }
  } finally {
    await monitor.stop()
  }
}

function nothingAccepted({ url }: Target, { tallies }: Sending): string {
  const tally = tallies.get('place-order')
  const answers = tally === undefined || tally.failures === '' ? '' : ` Of ${tally.sent} orders, ${tally.failures}.`
  const hint = tally?.statuses.has(401) === true ? ` For 401: ${KEY_HINT}.` : ''
  return `${url} did not accept any order, so there is nothing to measure.${answers}${hint}`
}

function clock(): () => number {
  const began = performance.now()
  return () => performance.now() - began
}

function progressLine({ scenario, phases }: Plan, { tallies, now }: Sending, lag: number | undefined): string {
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
