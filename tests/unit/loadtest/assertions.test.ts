import { describe, expect, it } from 'vitest'
import {
  checkAssertions,
  describeAssertion,
  parseAssertions,
  parseBound,
  withDefaults,
} from '../../../loadtest/outcome/assertions.ts'
import { loadTestResult } from '../../support/load-test-results.ts'

const check = (words: string, result = loadTestResult()) => checkAssertions(parseAssertions(words), result)

describe('an assertion', () => {
  it.each([
    ['p99<50ms', true],
    ['p99<40ms', false],
    ['p99<=40ms', true],
    ['p99<0.05s', true],
    ['p99.9>=41ms', true],
    ['stored-max<1s', true],
    ['drain<1s', true],
    ['rate>=2', true],
    ['rate>2', false],
    ['refused=0', false],
    ['lost=0', true],
    ['cpu<501', true],
  ])('%s is %s of this run', (words, holds) => {
    expect(check(words).map((one) => one.holds)).toEqual([holds])
  })

  it('about a ramp refers to the rate that held', () => {
    const ramp = { bound: [], steps: [], held: 800, broke: 900, summary: '' }
    expect(check('knee>=800', loadTestResult({ ramp }))[0]?.holds).toBe(true)
    expect(check('knee>0', loadTestResult({ ramp: { ...ramp, held: null } }))[0]?.holds).toBe(false)
    expect(check('knee>0')[0]?.holds).toBe(false)
  })

  it('is added to the defaults, and replaces a default for the same figure', () => {
    const texts = (said: string) =>
      withDefaults(parseAssertions('lost=0,errors=0'), parseAssertions(said)).map(({ text }) => text)
    expect(texts('')).toEqual(['lost=0', 'errors=0'])
    expect(texts('p99<50ms,p99>1ms')).toEqual(['lost=0', 'errors=0', 'p99<50ms', 'p99>1ms'])
    expect(texts('errors>=0')).toEqual(['lost=0', 'errors>=0'])
  })

  it('bounds a step of a ramp when a step has the figure', () => {
    expect(parseBound('p99<50ms,refused=0')).toHaveLength(2)
    expect(() => parseBound('p99<50ms,lost=0')).toThrow('"lost" is not measured for a step')
  })

  it('is reported separately from others', () => {
    expect(check(' p50 < 20ms, refused=0 ').map(describeAssertion)).toEqual([
      'holds: p50 < 20ms (measured 10 ms)',
      'does not hold: refused=0 (measured 1)',
    ])
  })

  it('about a figure that could not be measured does not hold', () => {
    const [dead, stored] = check('dead=0,stored-p99<1s', loadTestResult({ stored: null }))
    expect(dead).toEqual({ text: 'dead=0', unit: '', actual: null, holds: false })
    expect(stored?.holds).toBe(false)
    expect(dead && describeAssertion(dead)).toBe('does not hold: dead=0 (it could not be measured)')
  })

  it.each([
    ['p99', 'is not an assertion'],
    ['p99<fast', 'is not an assertion'],
    ['speed<50ms', 'is not measured'],
    ['toString=0', 'is not an assertion'],
    ['constructor=0', 'is not measured'],
    ['p99<50', 'needs a unit'],
    ['lost=0ms', 'must not have a unit'],
  ])('%s is refused: it %s', (words, reason) => {
    expect(() => parseAssertions(words)).toThrow(reason)
  })
})
