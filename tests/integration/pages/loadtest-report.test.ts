import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { checkAssertions, parseAssertions } from '../../../loadtest/outcome/assertions.ts'
import { reportPage } from '../../../loadtest/report/page.ts'
import type { RampStep, RequestFigures, RunResult } from '../../../loadtest/outcome/result.ts'
import { chromiumPath, openBrowser } from '../../support/browser.ts'
import { loadTestResult } from '../../support/load-test-results.ts'

const WIDE = { count: 1e7, mean: 1234.5, min: 1, p50: 1234, p90: 2345, p95: 3456, p99: 4567, p999: 5678, max: 9999.9 }

/** A result with the widest numbers possible, and with one slow second between two fast ones. */
function widest(): RunResult {
  const [placing] = loadTestResult().requests
  if (placing === undefined) throw new Error('A result has figures.')
  const timeline = [3, 4000, 5].map((max, second) => ({ second, count: 2, p50: 2, p99: max, max }))
  const requests = (['place-order', 'get-order', 'list-orders', 'search-orders'] as const).map(
    (kind): RequestFigures => ({
      ...placing,
      kind,
      sent: 12_345_678,
      succeeded: 12_345_678,
      refused: 1_234_567,
      timeouts: 1_234_567,
      errors: 1_234_567,
      unanswered: 1_234_567,
      latency: { ...placing.latency, summary: WIDE, timeline },
      sentLate: WIDE,
    }),
  )
  const step = (rate: number, held: boolean): RampStep => {
    return { rate, from: 0, to: 1, held, requests: placing, lag: 1_234_567, broke: [] }
  }
  const measured = loadTestResult({
    seconds: 3,
    requests,
    ramp: {
      bound: ['p99<200ms'],
      steps: [step(100_000, true), step(200_000, false)],
      held: 1e5,
      broke: 2e5,
      summary: '',
    },
    client: { busy: 0.9 },
  })
  return { ...measured, assertions: checkAssertions(parseAssertions('lost=0,p99<30ms,stored-p99<2s'), measured) }
}

describe.skipIf(chromiumPath === undefined)('the report in a browser', () => {
  const directory = mkdtempSync(join(tmpdir(), 'loadtest-report-'))
  const file = join(directory, 'report.html')
  writeFileSync(file, reportPage(widest()))
  const url = pathToFileURL(file).href
  afterAll(() => rmSync(directory, { recursive: true }))

  it('truncates no column at 1280 pixels, and does not violate its own policy', async () => {
    await using browser = await openBrowser('file://', { viewport: { width: 1280, height: 900 } })
    await browser.page.goto(url)
    const cut = await browser.page.evaluate<string[]>(
      `[...document.querySelectorAll('body, main, .scroll, figure, .tiles div, dd')]
        .filter((one) => one.scrollWidth > one.clientWidth)
        .map((one) => one.outerHTML.slice(0, 200))`,
    )
    expect(cut).toEqual([])
    expect(await browser.page.locator('table').count()).toBe(4)
    expect(browser.complaints).toEqual([])
  })

  it('shows the values under the pointer and, with the arrow keys, without one', async () => {
    await using browser = await openBrowser('file://', { viewport: { width: 1280, height: 900 } })
    const { page } = browser
    await page.goto(url)
    const figure = page.locator('figure', { hasText: 'Latency of place-order' })
    const tip = figure.locator('.tip')
    const chart = figure.locator('svg')
    await chart.scrollIntoViewIfNeeded()
    expect(await tip.isVisible()).toBe(false)

    const { width, height } = (await chart.boundingBox()) ?? { width: 0, height: 0 }
    // Only the requests of one of the three seconds are slow. That second begins a third of the way along the chart.
    await chart.hover({ position: { x: width * 0.38, y: height / 2 } })
    expect(await tip.innerText()).toBe('1 s\np50 2\np99 4,000\nlongest 4,000')

    await page.mouse.move(0, 0)
    expect(await tip.isVisible()).toBe(false)
    await chart.focus()
    await page.keyboard.press('ArrowRight')
    expect(await tip.innerText()).toBe('0 s\np50 2\np99 3\nlongest 3')
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('ArrowRight')
    expect(await tip.innerText()).toBe('2 s\np50 2\np99 5\nlongest 5')
    await page.keyboard.press('Escape')
    expect(await tip.isVisible()).toBe(false)
    expect(browser.complaints).toEqual([])
  })
})
