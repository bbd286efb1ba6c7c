import { describe, expect, it } from 'vitest'
import { parseBound } from '../../../loadtest/outcome/assertions.ts'
import { climb, nextRate, type Climber } from '../../../loadtest/ramp.ts'
import type { RampFigures } from '../../../loadtest/outcome/result.ts'
import { loadTestResult } from '../../support/load-test-results.ts'

/** A product whose p99 is 10 ms up to its knee and 1000 ms beyond it, tested with a simulated clock. */
async function climbTo(
  knee: number,
  { first = 100, seconds = 1000, hiccups = new Set<number>() } = {},
): Promise<RampFigures & { settled: number }> {
  let at = 0
  let settled = 0
  const climber: Climber = {
    async step(rate) {
      const from = at
      at += 5
      const p99 = rate > knee || hiccups.delete(rate) ? 1000 : 10
      const [figures] = loadTestResult().requests
      if (figures?.latency.summary == null) throw new Error('A result has figures.')
      const latency = { ...figures.latency, summary: { ...figures.latency.summary, p99 } }
      return { rate, from, to: at, requests: { ...figures, refused: 0, latency }, lag: null }
    },
    async settle() {
      settled += 1
    },
    passed: () => at,
  }
  const bound = parseBound('p99<200ms,refused=0')
  return { ...(await climb({ first, stepSeconds: 5, seconds, bound }, climber)), settled }
}

describe('a ramp', () => {
  it.each([150, 730, 4321, 99_999])('finds a knee at %i a second to a tenth', async (knee) => {
    const { held, broke } = await climbTo(knee)
    expect(held).toBeLessThanOrEqual(knee)
    expect(broke).toBeGreaterThan(knee)
    expect((broke ?? 0) / (held ?? 1)).toBeLessThanOrEqual(1.1)
  })

  it('descends when the first rate is already too high', async () => {
    const { held, broke } = await climbTo(30)
    expect([held, broke]).toEqual([30, 32])
  })

  it('reports which rate held, which did not, and why', async () => {
    const { summary, steps } = await climbTo(150)
    expect(summary).toBe('141 orders a second held; 154 did not: p99<200ms (measured 1000 ms).')
    expect(steps.filter(({ rate }) => rate === 200).map(({ broke }) => broke)).toEqual([
      ['p99<200ms (measured 1000 ms)'],
      ['p99<200ms (measured 1000 ms)'],
    ])
  })

  it('repeats a rate that did not hold, because one hiccup is not a limit', async () => {
    const { held, steps } = await climbTo(730, { hiccups: new Set([200, 400]) })
    expect(held).toBeGreaterThan(600)
    expect(steps.map(({ rate }) => rate).slice(0, 6)).toEqual([100, 200, 200, 400, 400, 800])
  })

  it('lets the backlog of a failed step drain before the next', async () => {
    const { steps, settled } = await climbTo(150)
    expect(settled).toBe(steps.filter(({ held }) => !held).length)
    expect(settled).toBeGreaterThan(0)
  })

  it('begins no step that would end after its time, and reports that time ran out', async () => {
    const { steps, held, broke, summary } = await climbTo(99_999, { seconds: 22 })
    expect(steps.map(({ rate }) => rate)).toEqual([100, 200, 400, 800])
    expect([held, broke]).toEqual([800, null])
    expect(summary).toBe('800 orders a second held; time ran out before a rate was found that does not hold.')
  })

  it('ends where no rate holds', async () => {
    const { held, broke, steps } = await climbTo(0)
    expect([held, broke]).toEqual([null, 1])
    expect(steps.at(-1)?.rate).toBe(1)
    expect(nextRate(100, steps)).toBeUndefined()
  })
})
