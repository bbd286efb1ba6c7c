import { html, type Html } from '../../shared/pages/html.ts'
import { commandFigures, type RunResult } from '../outcome/result.ts'
import { rounded, thousands } from './rounded.ts'

/** The most important numbers. */
export function tilesOf(result: RunResult): Html {
  const { ramp } = result
  const { latency, perSecond } = commandFigures(result)
  // In a ramp, the latencies at rates that stayed within the bound are mixed with those at rates that exceeded it.
  const { p50, p95, p99, max } = (ramp === null ? latency.summary : null) ?? {}
  const tiles = [
    tile('highest rate that held', ramp?.held, 'orders/s'),
    tile('accepted', perSecond, 'orders/s'),
    tile('median', p50, 'ms'),
    tile('95 % within', p95, 'ms'),
    tile('99 % within', p99, 'ms'),
    tile('longest', max, 'ms'),
    tile('99 % stored within', result.stored?.summary.p99, 'ms'),
    tile('lost', result.verdict.lost, 'orders'),
    tile('CPU per request', result.cost?.cpuMicrosecondsPerRequest, 'µs'),
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
