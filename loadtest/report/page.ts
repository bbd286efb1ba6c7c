import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Html, html } from '../../shared/pages/html.ts'
import { measuredText } from '../outcome/assertions.ts'
import type { AssertionResult, RampFigures, RequestFigures, RunResult } from '../outcome/result.ts'
import { ARRIVALS, arrivalsOf, type Lane } from '../plan.ts'
import { chartsOf } from './charts.ts'
import { doubtsOf } from './summary.ts'
import { rounded, thousands } from './rounded.ts'
import { REPORT_STYLE } from './style.ts'
import { tilesOf } from './tiles.ts'
import { accountsTable, latencyTable, rampTable, requestTable, type Table } from './tables.ts'

const HOVER = readFileSync(new URL('hover.js', import.meta.url), 'utf8')

/** A self-contained page that loads no external resources, so it can be sent, attached and printed. */
export function reportPage(result: RunResult): string {
  const { scenario, startedAt, seconds, settings, verdict, assertions, ramp, client } = result
  const isGood = verdict.lost === 0 && assertions.every(({ holds }) => holds)
  const arrivals = ARRIVALS[arrivalsOf(settings)]
  // The policy contains the hashes of the style sheet and the script, so a formatter must not indent these two.
  const [style, script] = [new Html(REPORT_STYLE), new Html(HOVER)]
  const policy = `default-src 'none'; style-src '${hashOf(REPORT_STYLE)}'; script-src '${hashOf(HOVER)}'`
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="${new Html(policy)}" />
        <title>Load test ${scenario}, ${startedAt}</title>
        ${new Html(`<style>${style.text}</style>`)}
      </head>
      <body>
        <main>
          <h1>Load test: ${scenario}</h1>
          <p class="soft">${DATE.format(new Date(startedAt))} UTC, ${Math.round(seconds)} s, on ${settings.target}</p>
          <div class="verdict${isGood ? '' : ' bad'}">
            <p><strong>${verdict.summary}</strong></p>
            ${verdict.ledger === null ? html`` : html`<p>${verdict.ledger.summary}</p>`}
            ${doubtsOf(client).map((doubt) => html`<p>${doubt}</p>`)}
            <ul class="checks">
              ${assertions.map(checkLine)}
            </ul>
          </div>
          ${tilesOf(result)} ${ramp === null ? html`` : rampPart(ramp)}
          <h2>Latency in ms</h2>
          <p class="soft">Requests ${arrivals.sent}. ${arrivals.measures}</p>
          ${tableOf(latencyTable(result))}
          <h2>Requests</h2>
          ${tableOf(requestTable(result))}
          <h2>Every order accounted for</h2>
          ${tableOf(accountsTable(result))}
          <h2>Charts</h2>
          <div class="charts">${chartsOf(result)}</div>
          <h2>How it was measured</h2>
          <ul>
            ${result.method.map((sentence) => html`<li>${sentence}</li>`)} ${result.requests.map(observedLine)}
          </ul>
          ${circumstances(result)}
        </main>
        <script type="application/json" id="result">
          ${dataOf(result)}
        </script>
        ${new Html(`<script>${script.text}</script>`)}
      </body>
    </html> `.text
}

const DATE = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' })

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}

function checkLine(assertion: AssertionResult): Html {
  const { text, holds } = assertion
  return html`<li class="${holds ? '' : 'fails'}"><b>${holds ? '✓' : '✗'} ${text}</b> (${measuredText(assertion)})</li>`
}

function rampPart(ramp: RampFigures): Html {
  return html`<h2>The highest rate that held</h2>
    <p>${ramp.summary}</p>
    <p class="soft">A step holds if ${ramp.bound.join(', ')}.</p>
    ${tableOf(rampTable(ramp))}`
}

/** The latencies without correction, and how many requests they exclude. */
function observedLine({ kind, observed, omitted, sentLate }: RequestFigures): Html {
  if (observed === null) return html``
  const without = `mean ${rounded(observed.mean)}, p99 ${rounded(observed.p99)}, max ${rounded(observed.max)} ms`
  if (sentLate !== null) {
    return html`<li>
      ${kind} from sending to the answer: ${without}. Sent after it was due: p99 ${rounded(sentLate.p99)}, max
      ${rounded(sentLate.max)} ms.
    </li>`
  }
  if (omitted === 0) return html``
  return html`<li>${kind} without the ${omitted} requests that were held back: ${without}.</li>`
}

function circumstances({ settings, versions, machine }: RunResult): Html {
  const phases = settings.phases.map(
    ({ name, seconds, lanes }) => `${name}: ${seconds} s of ${lanes.map(laneText).join(', ')}`,
  )
  const facts = [
    ...phases,
    `Warm-up ${settings.warmUpSeconds} s, seed ${settings.seed}.`,
    `${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}; load ${machine.loadBefore} before the run.`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
  ]
  return html`<ul>
    ${facts.map((fact) => html`<li>${fact}</li>`)}
  </ul>`
}

function laneText({ kind, connections, rate, arrivals }: Lane): string {
  const pace = rate === undefined ? '' : ` at ${rate} a second`
  return `${kind} on ${connections} connections${pace}, ${ARRIVALS[arrivals].sent}`
}

function tableOf({ header, rows }: Table): Html {
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          ${header.map((name) => html`<th scope="col">${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${row.map((cell) => html`<td>${cellText(cell)}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`
}

function cellText(cell: string | number | null): string {
  return typeof cell === 'number' ? thousands(cell) : (cell ?? '–')
}

/** Escapes `<`, because `</script>` would end the script. */
function dataOf(result: RunResult): Html {
  return new Html(JSON.stringify(result).replaceAll('<', String.raw`\u003c`))
}
