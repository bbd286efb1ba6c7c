import { Html, html } from '../../shared/api-docs/html.ts'
import { describeAssertion } from '../assertions.ts'
import type { RequestFigures, RunResult, StoredFigures } from '../result.ts'
import type { Lane } from '../scenarios.ts'
import type { Summary } from '../statistics.ts'
import { chartsOf } from './charts.ts'
import { REPORT_STYLE } from './style.ts'

/** One page with everything in it: it can be sent, attached and printed, and asks nobody for anything. */
export function reportPage(result: RunResult): string {
  const { scenario, startedAt, seconds, settings, verdict, assertions } = result
  const isGood = verdict.lost === 0 && assertions.every(({ holds }) => holds)
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Load test ${scenario}, ${startedAt}</title>
        <style>
          ${new Html(REPORT_STYLE)}
        </style>
      </head>
      <body>
        <main>
          <h1>Load test: ${scenario}</h1>
          <p class="soft">${startedAt}, ${Math.round(seconds)} s, on ${settings.target}</p>
          <div class="verdict${isGood ? '' : ' bad'}">
            <p><strong>${verdict.summary}</strong></p>
            ${verdict.ledger === null ? html`` : html`<p>${verdict.ledger.summary}</p>`}
            ${assertions.map((assertion) => html`<p>${describeAssertion(assertion)}</p>`)}
          </div>
          <h2>Latency in ms</h2>
          ${latencyTable(result.requests, result.stored)}
          <h2>Every order accounted for</h2>
          ${accounts(result)}
          <h2>In pictures</h2>
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
      </body>
    </html> `.text
}

function latencyTable(requests: readonly RequestFigures[], stored: StoredFigures | null): Html {
  return tableOf(
    ['', 'sent', '2xx', 'a second', 'mean', 'p50', 'p90', 'p99', 'p99.9', 'max', 'refused', 'failed', 'unanswered'],
    [
      ...requests.map((one) => [
        one.kind,
        one.sent,
        one.succeeded,
        one.perSecond,
        ...cells(one.latency.summary),
        one.refused,
        one.timeouts + one.errors,
        one.unanswered,
      ]),
      ...(stored === null
        ? []
        : [['accepted to stored', null, stored.summary.count, null, ...cells(stored.summary), null, null, null]]),
    ],
  )
}

function cells(summary: Summary | null): (number | null)[] {
  if (summary === null) return [null, null, null, null, null, null]
  const { mean, p50, p90, p99, p999, max } = summary
  return [mean, p50, p90, p99, p999, max]
}

function accounts({ verdict, cost }: RunResult): Html {
  const { ledger } = verdict
  return tableOf(
    [
      'sent',
      'accepted',
      'stored',
      'duplicates',
      'dead',
      'lost',
      'pending',
      'looked for',
      'drained in s',
      'CPU µs a request',
    ],
    [
      [
        verdict.sent,
        verdict.accepted,
        ledger?.stored ?? null,
        ledger?.duplicate ?? null,
        ledger?.dead ?? null,
        verdict.lost,
        verdict.pending,
        verdict.checked,
        verdict.drainSeconds,
        cost?.cpuMicrosecondsPerRequest ?? null,
      ],
    ],
  )
}

function observedLine({ kind, observed, omitted }: RequestFigures): Html {
  if (observed === null) return html``
  const { mean, p99, max } = observed
  return html`<li>
    ${kind} without the correction, which counts ${omitted} requests that were kept back: mean ${mean}, p99 ${p99}, max
    ${max} ms.
  </li>`
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
  const pace = rate === undefined ? 'as fast as answered' : `at ${rate} a second, ${arrivals}`
  return `${kind} on ${connections} connections ${pace}`
}

function tableOf(header: readonly string[], rows: readonly (readonly (string | number | null)[])[]): Html {
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
              ${row.map((cell) => html`<td>${cell ?? '–'}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`
}

/** In a script nothing is escaped but what could end it. */
function dataOf(result: RunResult): Html {
  return new Html(JSON.stringify(result).replaceAll('<', String.raw`\u003c`))
}
