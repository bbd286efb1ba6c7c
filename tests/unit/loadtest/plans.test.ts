import { describe, expect, it } from 'vitest'
import { groupsOf } from '../../../loadtest/sending/autocannon.ts'
import { readTask, UsageError } from '../../../loadtest/options.ts'
import { planOf, SCENARIOS, spansOf, type ScenarioName } from '../../../loadtest/scenarios.ts'

describe('a scenario', () => {
  it('called baseline has the rate of the run that the original published, evenly or in its bursts', () => {
    const phasesOf = (arrivals: string) => [
      { name: 'baseline', seconds: 100, lanes: [{ kind: 'place-order', connections: 50, rate: 50, arrivals }] },
    ]
    expect(planOf('baseline', {}).phases).toEqual(phasesOf('even'))
    expect(planOf('baseline', { burst: true }).phases).toEqual(phasesOf('burst'))
  })

  it.each(Object.keys(SCENARIOS) as ScenarioName[])(
    '%s sends evenly where it has a rate, and bursts on request',
    (name) => {
      const arrivals = (burst: boolean) => {
        const { warmUp, phases } = planOf(name, { burst })
        return new Set([warmUp, ...phases].flatMap(({ lanes }) => lanes.map((lane) => lane.arrivals)))
      }
      const closed = new Set(['closed-loop'])
      expect(arrivals(false)).toEqual(SCENARIOS[name].defaults.rate === undefined ? closed : new Set(['even']))
      expect(arrivals(true)).toEqual(SCENARIOS[name].defaults.rate === undefined ? closed : new Set(['burst']))
    },
  )

  it.each(Object.keys(SCENARIOS) as ScenarioName[])('%s takes as long as requested, and places orders', (name) => {
    const plan = planOf(name, { seconds: 10 })
    expect(spansOf(plan).at(-1)?.to).toBe(10)
    expect(plan.phases.every(({ lanes }) => lanes.some(({ kind }) => kind === 'place-order'))).toBe(true)
    expect(plan.warmUp.broken).toBeUndefined()
  })

  it('called outage breaks the chosen dependency for the middle third', () => {
    const broken = planOf('outage', { seconds: 30, broken: 'log' }).phases.map((phase) => phase.broken)
    expect(broken).toEqual([undefined, 'log', undefined])
  })
})

describe('the connections of bursts', () => {
  it.each([
    { connections: 50, rate: 50 },
    { connections: 50, rate: 333 },
    { connections: 50, rate: 7 },
  ])('hold the whole rate exactly: %o', ({ connections, rate }) => {
    const groups = groupsOf({ connections, rate })
    expect(groups.reduce((sum, group) => sum + group.connections * (group.rate ?? 0), 0)).toBe(rate)
    expect(groups.reduce((sum, group) => sum + group.connections, 0)).toBe(Math.min(connections, rate))
  })
})

const DEFAULTS = ['lost=0', 'pending=0', 'errors=0', 'timeouts=0']

describe('the arguments of the command', () => {
  it('set scenario, numbers and assertions; the scenario supplies the rest', () => {
    const task = readTask(['spike', '--rate', '20', '--assert', 'p99<50ms', '--url', 'http://127.0.0.1:1'], {
      FUNCTIONS_KEY: 'from the environment',
    })
    expect(task).toMatchObject({
      does: 'run',
      scenario: 'spike',
      said: { rate: 20 },
      key: 'from the environment',
      assertions: [...DEFAULTS.map((text) => ({ text })), { text: 'p99<50ms' }],
    })
  })

  it('default to the environment for the product’s address', () => {
    const environment = { LOADTEST_URL: 'http://gateway:8080' }
    expect(readTask(['soak'], environment)).toMatchObject({ url: 'http://gateway:8080' })
    expect(readTask(['soak', '--url', 'http://other'], environment)).toMatchObject({ url: 'http://other' })
    expect(readTask(['soak'], {})).toMatchObject({ url: undefined })
  })

  it('may be repeated, and the last one counts, so that an image can choose where results go', () => {
    expect(readTask(['--out', '/results', 'soak', '--out', 'mine'], {})).toMatchObject({ out: 'mine' })
  })

  it('growth compares one factor, which is required', () => {
    const growth = readTask(['growth', '--factor', 'items', '--seconds', '3'], {})
    expect(growth).toEqual({ does: 'growth', factor: 'items', seconds: 3, connections: 50 })
    expect(() => readTask(['growth'], {})).toThrow(UsageError)
    expect(() => readTask(['growth', '--factor', 'colours'], {})).toThrow('items, batch, stored, processors')
  })

  it('a ramp has its bound and its steps, and need not be free of errors', () => {
    const assertions = [{ text: 'lost=0' }, { text: 'pending=0' }, { text: 'knee>0' }]
    expect(readTask(['ramp'], {})).toMatchObject({ does: 'run', assertions })
    const task = readTask(['ramp', '--bound', 'p99<3s', '--step', '3', '--rate', '7', '--seconds', '30'], {})
    const said = task.does === 'run' ? task.said : {}
    expect(planOf('ramp', said).ramp).toMatchObject({
      first: 7,
      connections: 200,
      stepSeconds: 3,
      seconds: 30,
      bound: [{ text: 'p99<3s' }],
      // A caller waits longer than the bound allows before it gives up.
      patienceMs: 6000,
    })
    expect(planOf('ramp', {}).ramp).toMatchObject({ patienceMs: 2000 })
  })

  it('a comparison holds the given rate', () => {
    const versus = { does: 'versus', rounds: 3, seconds: 5, connections: 50, burst: false, only: [] }
    expect(readTask(['versus'], {})).toEqual({ ...versus, rate: undefined })
    expect(readTask(['versus', '--rate', '50', '--seconds', '20'], {})).toEqual({ ...versus, seconds: 20, rate: 50 })
    expect(readTask(['versus', '--rate', '50', '--burst'], {})).toEqual({ ...versus, rate: 50, burst: true })
  })

  it('a comparison takes another checkout, some of the contenders, and orders that wait', () => {
    const words = ['versus', '--against', '../earlier', '--only', 'product,go', '--waiting', '200000']
    expect(readTask(words, {})).toMatchObject({ against: '../earlier', only: ['product', 'go'], waiting: 200_000 })
  })

  it('bursts need a rate', () => {
    expect(readTask(['baseline', '--burst'], {})).toMatchObject({ said: { burst: true } })
    expect(readTask(['saturate', '--rate', '50', '--burst'], {})).toMatchObject({ said: { burst: true } })
    expect(() => readTask(['saturate', '--burst'], {})).toThrow('--burst needs --rate')
    expect(() => readTask(['versus', '--burst'], {})).toThrow('--burst needs --rate')
  })

  it.each([
    ['nothing-known'],
    ['baseline', '--rate', '0'],
    ['baseline', '--seconds', '1.5'],
    ['baseline', '--colour', 'red'],
    ['baseline', 'saturate'],
    ['outage', '--break', 'everything'],
    ['compare', 'one.json'],
    ['baseline', '--assert', 'nonsense'],
    ['ramp', '--burst'],
    ['ramp', '--bound', 'lost=0'],
    ['baseline', '--bound', 'p99<1s'],
    ['baseline', '--rounds', '3'],
    ['soak', '--break', 'log'],
    ['versus', '--assert', 'lost=0'],
    ['versus', '--waiting', '10', '--rate', '5'],
    ['versus', '--waiting', '10', '--seconds', '5'],
    ['saturate', '--waiting', '10'],
    ['saturate', '--against', '.'],
    ['growth', '--factor', 'items', '--only', 'product'],
    ['growth', '--factor', 'items', '--rate', '50'],
  ])('are refused when they make no sense: %s %s %s', (...words) => {
    expect(() =>
      readTask(
        words.filter((word) => word !== undefined),
        {},
      ),
    ).toThrow(UsageError)
  })
})
