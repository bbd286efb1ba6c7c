import { html as xml, type Html } from '../../shared/pages/html.ts'
import { measuredText } from '../outcome/assertions.ts'
import type { AssertionResult, RunResult } from '../outcome/result.ts'
import { summaryText } from './summary.ts'

/** The run as JUnit XML. Each assertion is a test case, and the suite's output contains the tables. */
export function junitOf(result: RunResult): string {
  const { scenario, startedAt, seconds, assertions } = result
  const failures = assertions.filter(({ holds }) => !holds).length
  return documentOf(
    xml`<testsuite name="loadtest ${scenario}" tests="${assertions.length}" failures="${failures}" errors="0" skipped="0" time="${seconds}" timestamp="${startedAt}">
${assertions.map((assertion) => caseOf(scenario, assertion))}
<system-out>${printable(summaryText(result))}</system-out>
</testsuite>`,
  )
}

/**
 * The report of a run that failed to start or finish. Without a report, a CI pipeline would count the run as a success.
 */
export function junitOfFailure(scenario: string, message: string): string {
  return documentOf(
    xml`<testsuite name="loadtest ${scenario}" tests="1" failures="0" errors="1" skipped="0">
<testcase classname="loadtest.${scenario}" name="the run" time="0"><error message="${printable(message)}" type="error"/></testcase>
</testsuite>`,
  )
}

function documentOf(suite: Html): string {
  return xml`<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
${suite}
</testsuites>
`.text
}

function caseOf(scenario: string, assertion: AssertionResult): Html {
  const { text, holds } = assertion
  const failure = holds ? xml`` : xml`<failure message="${measuredText(assertion)}" type="assertion"/>`
  return xml`<testcase classname="loadtest.${scenario}" name="${text}" time="0">${failure}</testcase>`
}

/** Most control characters are not allowed in XML. */
function printable(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n\t]/gu, ' ')
}
