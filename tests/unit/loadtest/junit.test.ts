import { describe, expect, it } from 'vitest'
import { checkAssertions, parseAssertions } from '../../../loadtest/outcome/assertions.ts'
import { junitOf, junitOfFailure } from '../../../loadtest/report/junit.ts'
import { loadTestResult } from '../../support/load-test-results.ts'

describe('the JUnit file', () => {
  const assertions = checkAssertions(parseAssertions('lost=0,p99<30ms,dead=0'), loadTestResult())
  const file = junitOf(loadTestResult({ assertions }))

  it('has a case for each assertion, with the measured value of those that failed', () => {
    expect(file).toMatch(
      /^<\?xml version="1.0" encoding="UTF-8"\?>\n<testsuites>\n<testsuite name="loadtest baseline" tests="3" failures="2" errors="0" /,
    )
    expect(file.match(/<testcase /g)).toHaveLength(3)
    expect(file).toContain('name="lost=0" time="0"></testcase>')
    expect(file).toContain(
      'name="p99&lt;30ms" time="0"><failure message="measured 40 ms" type="assertion"/></testcase>',
    )
    expect(file).toContain('name="dead=0" time="0"><failure message="it could not be measured"')
  })

  it('carries the tables of the run', () => {
    expect(/<system-out>([^<]*)<\/system-out>/.exec(file)?.[1]).toContain('Nothing lost.')
  })

  it('reports a run that could not take place', () => {
    const failed = junitOfFailure('soak', 'It said "no" & <gone>\u001B[31m\u0000.')
    expect(failed).toContain('<testsuite name="loadtest soak" tests="1" failures="0" errors="1"')
    expect(failed).toContain('<error message="It said &quot;no&quot; &amp; &lt;gone&gt; [31m ." type="error"/>')
  })
})
