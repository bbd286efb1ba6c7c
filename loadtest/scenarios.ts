import { isDuration, parseBound, type Assertion } from './outcome/assertions.ts'
import type { RampSettings } from './ramp.ts'
import { PATIENCE_MS, type Breakable, type Lane, type Phase, type PhaseSpan, type RequestKind } from './plan.ts'

/** The plan of a run. Rates are in requests per second, on all connections together. */
export interface Plan {
  readonly scenario: string
  readonly warmUp: Phase
  readonly phases: readonly Phase[]
  /** Set only for a ramp, whose steps are not known beforehand. */
  readonly ramp?: RampSettings
}

export interface Settings {
  readonly connections: number
  /** Undefined for a closed loop. */
  readonly rate: number | undefined
  readonly seconds: number
  readonly broken: Breakable
  /** Whether all requests for a second are sent at the start of that second. */
  readonly burst: boolean
  /** Used only for a ramp: its assertions and the length of each step. */
  readonly bound: readonly Assertion[]
  readonly stepSeconds: number
}

interface Scenario {
  readonly summary: string
  readonly defaults: Pick<Settings, 'connections' | 'rate' | 'seconds'>
  readonly phases: (settings: Settings) => readonly Phase[]
}

const MAX_WARM_UP_SECONDS = 5
/** A spike is this many times the usual rate. */
const SPIKE = 10

export const SCENARIOS = {
  baseline: {
    summary: '50 requests/s on 50 connections for 100 s; with --burst it is the run that the original published',
    defaults: { connections: 50, rate: 50, seconds: 100 },
    phases: (settings) => [commands('baseline', settings)],
  },
  saturate: {
    summary: 'as much as 50 connections can send: the highest throughput, and the cost of a request',
    defaults: { connections: 50, rate: undefined, seconds: 30 },
    phases: (settings) => [commands('saturate', settings)],
  },
  spike: {
    summary: 'ten times the rate for the middle third: how far the lag grows, and how soon it shrinks again',
    defaults: { connections: 100, rate: 100, seconds: 60 },
    phases: (settings) => {
      const rate = (settings.rate ?? 100) * SPIKE
      return inThirds(settings, (seconds) => commands('spike', { ...settings, rate, seconds }))
    },
  },
  soak: {
    summary: 'a steady rate for ten minutes: whether anything grows',
    defaults: { connections: 50, rate: 200, seconds: 600 },
    phases: (settings) => [commands('soak', settings)],
  },
  mixed: {
    summary:
      'commands and queries together: 30 % orders placed, 8 % amended, 2 % cancelled, 40 % read, 10 % lists, 10 % searches',
    defaults: { connections: 50, rate: 300, seconds: 60 },
    phases: (settings) => [
      {
        name: 'mixed',
        seconds: settings.seconds,
        lanes: [
          share('place-order', settings, 0.3),
          share('amend-order', settings, 0.08),
          share('cancel-order', settings, 0.02),
          share('get-order', settings, 0.4),
          share('list-orders', settings, 0.1),
          share('search-orders', settings, 0.1),
        ],
      },
    ],
  },
  ramp: {
    summary: 'rate after rate, for 5 s each, until latency or errors exceed the bound: the highest rate that holds',
    defaults: { connections: 200, rate: 100, seconds: 120 },
    phases: (settings) => [commands('ramp', settings)],
  },
  outage: {
    summary: 'the store (or, with --break log, the log) is unavailable for the middle third; needs FAULTS=on',
    defaults: { connections: 50, rate: 100, seconds: 60 },
    phases: (settings) =>
      inThirds(settings, (seconds) => ({ ...commands('away', { ...settings, seconds }), broken: settings.broken })),
  },
} satisfies Record<string, Scenario>

export type ScenarioName = keyof typeof SCENARIOS

export function isScenario(name: string): name is ScenarioName {
  return Object.hasOwn(SCENARIOS, name)
}

/** A ramp ends at the first step that violates this, unless an option says otherwise. */
export const DEFAULT_BOUND = 'p99<200ms,refused=0,errors=0,timeouts=0'
const STEP_SECONDS = 5
/**
 * Shorter than usual, because otherwise the requests of a step whose rate is too high would still be sent long after
 * the step's end.
 */
const RAMP_PATIENCE_MS = 2000

/**
 * The scenario supplies the defaults. The plan starts with a warm-up that resembles the first phase and is excluded
 * from the figures.
 */
export function planOf(name: ScenarioName, said: Partial<Settings>): Plan {
  const settings = {
    ...SCENARIOS[name].defaults,
    broken: 'store' as const,
    burst: false,
    bound: parseBound(DEFAULT_BOUND),
    stepSeconds: STEP_SECONDS,
    ...said,
  }
  const phases = SCENARIOS[name].phases(settings)
  const [first] = phases
  if (first === undefined) throw new Error(`The scenario ${name} has no phases.`)
  const seconds = Math.min(MAX_WARM_UP_SECONDS, first.seconds)
  const plan = { scenario: name, warmUp: { name: 'warm-up', seconds, lanes: first.lanes }, phases }
  return name === 'ramp' ? { ...plan, ramp: rampOf(settings) } : plan
}

function rampOf({ rate = 1, connections, seconds, stepSeconds, bound }: Settings): RampSettings {
  const latest = Math.max(...bound.map(({ metric, limit }) => (isDuration(metric) ? limit : 0)))
  const patienceMs = Math.min(PATIENCE_MS, Math.max(RAMP_PATIENCE_MS, 2 * latest))
  return { first: rate, connections, stepSeconds, seconds, bound, patienceMs }
}

/** The start and end of each phase, in seconds since the start of the first. */
export function spansOf({ phases }: Plan): PhaseSpan[] {
  let at = 0
  return phases.map(({ name, seconds, broken }) => {
    const from = at
    at += seconds
    return { name, from, to: at, broken: broken ?? null }
  })
}

function commands(name: string, settings: Settings): Phase {
  return { name, seconds: settings.seconds, lanes: [laneOf('place-order', settings)] }
}

export function laneOf(
  kind: RequestKind,
  { connections, rate, burst }: Pick<Settings, 'connections' | 'rate' | 'burst'>,
): Lane {
  if (rate === undefined) return { kind, connections, arrivals: 'closed-loop' }
  return { kind, connections, rate, arrivals: burst ? 'burst' : 'even' }
}

function share(kind: RequestKind, settings: Settings, part: number): Lane {
  const atLeastOne = (whole: number) => Math.max(1, Math.round(whole * part))
  const { connections, rate = 0, burst } = settings
  return laneOf(kind, { connections: atLeastOne(connections), rate: atLeastOne(rate), burst })
}

/** Three phases of at least a second each. `middle` creates the second phase, which gets the remaining seconds. */
function inThirds(settings: Settings, middle: (seconds: number) => Phase): Phase[] {
  const seconds = Math.max(1, Math.floor(settings.seconds / 3))
  const usual = { ...settings, seconds }
  return [commands('before', usual), middle(Math.max(1, settings.seconds - 2 * seconds)), commands('after', usual)]
}
