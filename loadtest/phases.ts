import { requestFigures } from './outcome/figures.ts'
import { climb, type RampSettings } from './ramp.ts'
import type { Requests } from './requests.ts'
import { commandFigures, type RampStep } from './outcome/result.ts'
import { spansOf, type Plan } from './scenarios.ts'
import { PATIENCE_MS, type Breakable, type Lane, type Phase, type RequestKind } from './plan.ts'
import type { Connections } from './sending/connections.ts'
import { fire } from './sending/fire.ts'
import { Tally } from './sending/tally.ts'
import { round } from './statistics.ts'
import { ask, TargetError, type Target } from './target.ts'
import { drain } from './outcome/verdict.ts'
import { pause } from '../shared/threads/waiting.ts'

/** The target, the requests and their counts. `now` returns milliseconds since the run began. */
export interface Sending {
  readonly target: Target
  readonly connections: Connections
  readonly requests: Requests
  readonly tallies: Map<RequestKind, Tally>
  readonly now: () => number
  readonly signal: AbortSignal
}

/** Each phase begins on time, even if the last responses of the previous phase are still arriving. */
export async function runPhases(plan: Plan, sending: Sending) {
  const spans = spansOf(plan)
  const running = plan.phases.map(async (phase, index) => {
    await pause((spans[index]?.from ?? 0) * 1000, sending.signal)
    if (!sending.signal.aborted) await runPhase(phase, sending)
  })
  await Promise.all(running)
  sending.signal.throwIfAborted()
  return { phases: plan.phases, spans, ramp: null }
}

export async function runPhase(phase: Phase, sending: Sending, patienceMs = PATIENCE_MS): Promise<void> {
  const { lanes, seconds, broken } = phase
  const { target, signal } = sending
  if (broken !== undefined) await setBroken(target, broken)
  const firing = lanes.map((lane) => fireLane(lane, seconds, sending, patienceMs))
  if (broken !== undefined) {
    await pause(seconds * 1000, signal)
    await setBroken(target, undefined)
  }
  await Promise.all(firing)
}

function fireLane({ kind, ...lane }: Lane, seconds: number, sending: Sending, patienceMs: number): Promise<void> {
  const { target, connections, requests, tallies, now, signal } = sending
  const tally = tallies.get(kind) ?? new Tally(kind)
  tallies.set(kind, tally)
  const onAnswer = (status: number, body: string) => requests.answered(kind, status, body)
  const next = () => requests.next(kind)
  const lanes = { target, lane: { kind, ...lane }, seconds, next, onAnswer }
  return fire({ ...lanes, tally, connections, patienceMs, now, signal })
}

/** How long to wait, at most, for the orders of a failed step to be stored. */
const SETTLE_SECONDS = 10

/** Runs the steps one after another. Each step has its own figures, and the run's figures include all steps. */
export async function runRamp(ramp: RampSettings, sending: Sending, lag: () => number | null) {
  const { target, tallies, now, signal } = sending
  const seconds = () => now() / 1000
  const all = new Tally('place-order')
  tallies.set('place-order', all)
  const phases: Phase[] = []

  async function step(rate: number): Promise<Omit<RampStep, 'held' | 'broke'>> {
    const lane: Lane = { kind: 'place-order', connections: ramp.connections, rate, arrivals: 'even' }
    const phase: Phase = { name: `${rate} a second`, seconds: ramp.stepSeconds, lanes: [lane] }
    const own = new Map<RequestKind, Tally>()
    const from = seconds()
    phases.push(phase)
    await runPhase(phase, { ...sending, tallies: own }, ramp.patienceMs)
    signal.throwIfAborted()
    for (const tally of own.values()) all.include(tally)
    const requests = commandFigures({ requests: requestFigures(own, [phase], ramp.stepSeconds) })
    return { rate, from: round(from), to: round(seconds()), requests, lag: lag() }
  }

  const settle = async () => void (await drain(target, Math.min(SETTLE_SECONDS, ramp.seconds - seconds()), signal))
  const figures = await climb(ramp, { step, settle, passed: seconds })
  const spans = figures.steps.map(({ rate, from, to }) => ({ name: `${rate} a second`, from, to, broken: null }))
  return { phases, spans, ramp: figures }
}

/** Makes a part unavailable; undefined makes all parts available again. */
export async function setBroken(target: Target, part: Breakable | undefined): Promise<void> {
  const { status } = await ask(target, '/api/ops/faults', part === undefined ? {} : { [part]: 'down' })
  if (status === 200) return
  throw new TargetError(
    `Faults cannot be injected into ${target.url}: it was not started with FAULTS=on (it answered ${status}).`,
  )
}
