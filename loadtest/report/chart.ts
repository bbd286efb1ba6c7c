import { html, type Html } from '../../shared/pages/html.ts'
import { rounded, thousands } from './rounded.ts'
import { highest, linearScale, logScale, timeScale, type Scale } from './scale.ts'

/** A line chart as SVG, without external resources. */
export interface Chart {
  readonly title: string
  /** Describes the chart for screen readers. */
  readonly says: string
  readonly unit: string
  readonly series: readonly Series[]
  readonly y?: 'linear' | 'log'
  readonly x: XAxis
  readonly bands?: readonly Band[]
}

export interface Series {
  readonly name: string
  readonly points: readonly (readonly [x: number, y: number])[]
}

/** `nines`: percentiles, on a scale where each additional nine has the same width. `rate`: requests per second. */
export type XAxis = { readonly kind: 'seconds' | 'rate'; readonly to: number } | { readonly kind: 'nines' }

/** A highlighted part of the x axis. */
export interface Band {
  readonly label: string
  readonly from: number
  readonly to: number
}

const WIDTH = 640
const HEIGHT = 240
const LEFT = 56
const RIGHT = 24
const TOP = 22
const BOTTOM = 28

export function chart({ title, says, unit, series, y = 'linear', x, bands = [] }: Chart): Html {
  const values = series.flatMap(({ points }) => points.map(([, value]) => value))
  const up =
    y === 'log' ? logScale(values, HEIGHT - BOTTOM, TOP) : linearScale(highest(values) ?? 1, HEIGHT - BOTTOM, TOP)
  const along = x.kind === 'nines' ? ninesScale(series) : timeScale(Math.max(1, x.to), LEFT, WIDTH - RIGHT)
  return html`<figure data-points="${JSON.stringify(pointsOf(series, x, along, up))}">
    <figcaption>${title} <small>${unit}</small></figcaption>
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" tabindex="0" aria-label="${says} The arrow keys read its values.">
      ${bands.map((band) => bandMarks(band, along))}${up.ticks.map((tick) => horizontal(tick, up))}${along.ticks.map((tick) => vertical(tick, along, x))}
      ${series.map(({ points }, index) => line(points, index, along, up))}
    </svg>
    <p class="legend">${series.map(({ name }, index) => html`<span class="key k${index}">${name}</span>`)}</p>
  </figure>`
}

/** The positions and labels of the points, for hover.js. */
function pointsOf(series: readonly Series[], { kind }: XAxis, along: Scale, up: Scale) {
  const unit = { seconds: ' s', rate: ' a second', nines: ' %' }[kind]
  return {
    width: WIDTH,
    top: TOP,
    bottom: HEIGHT - BOTTOM,
    series: series.map(({ name, points }, key) => ({
      name,
      key,
      at: points.map(([x]) => Math.round(along.place(x) * 10) / 10),
      up: points.map(([, y]) => Math.round(up.place(y) * 10) / 10),
      x: points.map(([x]) => `${kind === 'nines' ? x : thousands(rounded(x))}${unit}`),
      y: points.map(([, y]) => thousands(rounded(y))),
    })),
  }
}

function horizontal(tick: number, { place }: Scale): Html {
  const at = fixed(place(tick))
  return html`<path class="grid" d="M${LEFT} ${at}H${WIDTH - RIGHT}" /><text x="${LEFT - 6}" y="${at}" class="y"
      >${short(tick)}</text
    >`
}

function vertical(tick: number, { place }: Scale, { kind }: XAxis): Html {
  const at = fixed(place(tick))
  return html`<text x="${at}" y="${HEIGHT - 8}" class="x"
    >${kind === 'nines' ? `${tick} %` : `${short(tick)}${kind === 'seconds' ? ' s' : ''}`}</text
  >`
}

function bandMarks({ label, from, to }: Band, { place }: Scale): Html {
  const [start, end] = [place(from), place(to)]
  return html`<rect
      class="band"
      x="${fixed(start)}"
      y="${TOP}"
      width="${fixed(end - start)}"
      height="${HEIGHT - BOTTOM - TOP}"
    /><text class="band-label" x="${fixed(start + 4)}" y="${TOP - 8}">${label}</text>`
}

/** A single point is drawn as a dot, because a line with one point is invisible. */
function line(points: Series['points'], index: number, along: Scale, up: Scale): Html {
  const places = points.map(([x, y]) => `${fixed(along.place(x))} ${fixed(up.place(y))}`)
  if (places.length === 0) return html``
  return html`<path class="line l${index}" d="M${places.join('L')}${places.length === 1 ? 'h.1' : ''}" />`
}

function ninesScale(series: readonly Series[]): Scale {
  const told = series.flatMap(({ points }) => points.map(([x]) => x)).filter((x) => x < 100)
  const end = nines(highest(told) ?? 90) + 0.2
  const ticks = [0, 50, 90, 99, 99.9, 99.99, 99.999].filter((tick) => nines(tick) <= end)
  const place = (percentile: number) =>
    LEFT + (Math.min(end, percentile >= 100 ? end : nines(percentile)) / end) * (WIDTH - RIGHT - LEFT)
  return { ticks, place }
}

function fixed(place: number): string {
  return String(Math.round(place * 10) / 10)
}

function short(value: number): string {
  if (value >= 1e6) return `${value / 1e6} M`
  return value >= 10_000 ? `${value / 1000} k` : String(value)
}

/** The number of nines: 1 for 90 %, 2 for 99 %. 100 % would be infinite, so it is drawn at the end of the axis. */
function nines(percentile: number): number {
  return -Math.log10(1 - Math.min(percentile, 99.9999) / 100)
}
