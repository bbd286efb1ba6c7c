import { html, type Html } from '../../shared/pages/html.ts'
import { commandFigures, type RunResult } from '../outcome/result.ts'
import { rounded, thousands } from './rounded.ts'

/** The few numbers for a reader in a hurry. */
export function tilesOf(result: RunResult): Html {
  const { latency, perSecond } = commandFigures(result)
  const { p50, p95, p99, max } = latency.summary ?? {}
  const tiles = [
    ...(result.ramp === null ? [] : [tile('highest rate that held', result.ramp.held, 'orders/s')]),
    tile('accepted', perSecond, 'orders/s'),
    // A ramp's latencies mix rates that held with rates that did not.
    ...(result.ramp === null
      ? [
          tile('median', p50, 'ms'),
          tile('95 % within', p95, 'ms'),
          tile('99 % within', p99, 'ms'),
          tile('longest', max, 'ms'),
        ]
      : []),
    tile('99 % stored within', result.stored?.summary.p99, 'ms'),
    tile('lost', result.verdict.lost, 'orders'),
    tile('CPU a request', result.cost?.cpuMicrosecondsPerRequest, 'µs'),
  ]
  return html`<dl class="tiles">${tiles}</dl>`
}

function tile(name: string, value: number | null | undefined, unit: string): Html {
  if (value === null || value === undefined) return html``
  return html`<div>
    <dt>${name}</dt>
    <dd>${thousands(rounded(value))} <small>${unit}</small></dd>
  </div>`
}
