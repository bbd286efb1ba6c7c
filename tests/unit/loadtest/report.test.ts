import { describe, expect, it } from 'vitest'
import { compareRuns } from '../../../loadtest/comparisons/compare.ts'
import { rates } from '../../../loadtest/report/charts.ts'
import { rounded } from '../../../loadtest/report/rounded.ts'
import { linearScale, logScale, timeScale } from '../../../loadtest/report/scale.ts'
import { reportPage } from '../../../loadtest/report/page.ts'
import { loadTestResult } from '../../support/load-test-results.ts'

describe('the report', () => {
  const page = reportPage(loadTestResult())

  it('loads nothing from outside', () => {
    expect(page).not.toMatch(/\b(src|href)=|@import|url\(/)
  })

  it('contains the result itself', () => {
    const data = /<script type="application\/json" id="result">(.*?)<\/script>/s.exec(page)?.[1]
    expect(JSON.parse(data ?? '')).toEqual(loadTestResult())
  })

  it('escapes foreign text', () => {
    const target = 'http://x/</script><script>alert(1)</script>'
    const { settings } = loadTestResult()
    const hostile = reportPage(loadTestResult({ settings: { ...settings, target } }))
    expect(hostile).not.toContain('<script>alert')
  })

  it('draws the measured figures, and leaves out the others', () => {
    expect(page.match(/<svg /g)).toHaveLength(6)
    const bare = reportPage(loadTestResult({ stored: null, pipeline: null }))
    expect(bare.match(/<svg /g)).toHaveLength(3)
    expect(page + bare).not.toMatch(/NaN|undefined|Infinity/)
  })

  it('of a ramp leads with the rate that held, and draws latency by rate', () => {
    const [requests] = loadTestResult().requests
    if (requests === undefined) throw new Error('A result has figures.')
    const step = { rate: 800, from: 0, to: 5, held: true, requests, lag: null, broke: [] }
    const ramp = { bound: ['p99<200ms'], steps: [step], held: 800, broke: null, summary: '800 orders a second held.' }
    const climbed = reportPage(loadTestResult({ ramp }))
    expect(climbed).toContain('800 orders a second held.')
    expect(climbed).toMatch(/highest rate that held<\/dt>\s*<dd>800 /)
    expect(climbed).toContain('Latency by rate')
  })

  it('warns when the client was as busy as the product', () => {
    expect(reportPage(loadTestResult({ client: { busy: 0.93 } }))).toContain('The load test itself was busy 93 %')
    expect(page).not.toContain('The load test itself')
  })

  it('draws zeroes and single points', () => {
    const stored = {
      summary: { count: 1, mean: 0, min: 0, p50: 0, p90: 0, p95: 0, p99: 0, p999: 0, max: 0 },
      distribution: [],
      timeline: [{ second: 0, count: 1, p50: 0, p99: 0, max: 0 }],
    }
    expect(reportPage(loadTestResult({ stored }))).not.toMatch(/NaN|undefined|Infinity/)
  })

  it('shows the stored orders per second, however far apart the samples were', () => {
    const look = (second: number, stored: number) => ({ second, stored, lag: 0, records: stored, residentMiB: null })
    expect(rates([look(0, 10), look(1, 60), look(3, 160)], 5)).toEqual([
      [0, 50],
      [1, 50],
    ])
  })

  it('is marked when an assertion does not hold', () => {
    const assertions = [{ text: 'p99<1ms', unit: 'ms' as const, actual: 40, holds: false }]
    expect(reportPage(loadTestResult({ assertions }))).toContain('class="verdict bad"')
    expect(page).toContain('class="verdict"')
  })
})

describe('formatted numbers', () => {
  it.each([
    [0, 0],
    [0.0512, 0.051],
    [3.681, 3.68],
    [13.085, 13.1],
    [128.355, 128],
    [2345.6, 2346],
    [-4.6789, -4.68],
  ])('%d is %d', (value, shown) => {
    expect(rounded(value)).toBe(shown)
  })
})

describe('a scale', () => {
  it('has round marks that reach the largest value', () => {
    expect(linearScale(37, 0, 100).ticks).toEqual([0, 10, 20, 30, 40])
    expect(linearScale(0, 0, 100).place(0)).toBe(0)
    expect(timeScale(12, 0, 120)).toMatchObject({ ticks: [0, 5, 10] })
    expect(timeScale(12, 0, 120).place(12)).toBe(120)
  })

  it('of logarithms has powers of ten around the values', () => {
    const { ticks, place } = logScale([3, 420], 0, 90)
    expect(ticks).toEqual([1, 10, 100, 1000])
    expect([place(1), place(10), place(1000), place(0)]).toEqual([0, 30, 90, 0])
  })
})

describe('two results side by side', () => {
  it('show the change of each figure', () => {
    const slower = loadTestResult({ cost: { cpuSeconds: 1, cpuMicrosecondsPerRequest: 1000, maxResidentMiB: 150 } })
    const text = compareRuns(loadTestResult(), slower)
    expect(text).toMatch(/CPU µs per request +500 +1000 +2\.00/)
    expect(text).toMatch(/p99 ms +40 +40 +1\.00/)
    expect(text).not.toContain('with care')
  })

  it('warn when they should not be compared', () => {
    const { machine } = loadTestResult()
    const text = compareRuns(loadTestResult(), loadTestResult({ machine: { ...machine, cores: 64, loadBefore: 50 } }))
    expect(text).toContain('different machines')
    expect(text).toContain('busy')
  })
})
