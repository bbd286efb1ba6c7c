import { el, setText } from './dom.js'
import { toTime } from './format.js'

/**
 * One small chart of the last few minutes or the last hour. The legend shows the newest values or, while the pointer is
 * on a chart, the values at the pointer. All charts share the pointer's position.
 *
 * @typedef {import('./samples.js').Sample} Sample
 * @typedef {{ of: (sample: Sample) => number | null, name: string, colour: string }} Line `colour` is a CSS variable
 * @typedef {{ title: string, explained: string, lines: readonly Line[], format: (value: number | null) => string, wide?: boolean }} ChartOptions
 */

const HEIGHT = 150
/** Integers only, because orders are counted. */
const STEPS = Array.from({ length: 12 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat()
const TIMES = [15, 30, 60, 120, 300, 600, 900]
/** The minimum span shown, so that the chart is not mostly empty just after the product has started. */
const SHORTEST_SECONDS = 60
const FONT = '11px system-ui, sans-serif'

/**
 * @param {HTMLElement} container
 * @param {ChartOptions} options
 */
export function createChart(container, { title, explained, lines, format, wide = false }) {
  const values = lines.map(() => el('b', {}, '–'))
  const when = el('span', { class: 'when' })
  const plot = el('div', { class: 'plot', 'aria-hidden': 'true' })
  const legend = lines.map(({ name, colour }, index) => {
    const swatch = el('i')
    swatch.style.background = `var(${colour})`
    return el('span', {}, swatch, values[index], ` ${name}`)
  })
  const caption = el('figcaption', {}, el('h3', {}, title, when), el('p', { class: 'legend' }, ...legend))
  const figure = el(
    'figure',
    { class: wide ? 'chart wide' : 'chart' },
    caption,
    plot,
    el('p', { class: 'note' }, explained),
  )
  container.append(figure)

  /** @type {readonly Sample[]} */
  let samples = []
  let spanSeconds = SHORTEST_SECONDS
  /** @param {string} name */
  const colour = (name) => resolveColour(plot, name)

  const axis = { stroke: () => colour('--soft'), font: FONT, ticks: { show: false } }
  const chart = new uPlot(
    {
      width: Math.max(200, plot.clientWidth),
      height: HEIGHT,
      // The padding on the right leaves room for half of the last tick's label.
      padding: [8, 26, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false }, sync: { key: 'minutes' } },
      scales: {
        x: { time: true, range: () => windowOf(samples, spanSeconds) },
        // The scale starts at 0, reaches at least 1, and leaves some room above the highest value.
        y: { range: (_, __, max) => [0, Math.max(1, (max ?? 0) * 1.15)] },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          size: 26,
          values: (_, ticks, __, ___, step) => ticks.map((tick) => toClock(tick, step)),
          space: 70,
          incrs: TIMES,
        },
        {
          ...axis,
          grid: { stroke: () => colour('--line'), width: 1 },
          size: 54,
          space: 34,
          incrs: STEPS,
          values: (_, ticks) => ticks.map((tick) => format(tick)),
        },
      ],
      series: [
        {},
        ...lines.map((line, index) => ({
          label: line.name,
          stroke: () => colour(line.colour),
          width: 2,
          points: { show: false },
          ...(index === 0 && { fill: () => `color-mix(in srgb, ${colour(line.colour)} 14%, transparent)` }),
        })),
      ],
      hooks: { setCursor: [describe] },
    },
    [[], ...lines.map(() => [])],
    plot,
  )

  function describe() {
    const pointed = samples[chart.cursor.idx ?? -1]
    const sample = pointed ?? samples.at(-1)
    setText(when, pointed === undefined ? '' : ` at ${toTime(pointed.at * 1000)}`)
    lines.forEach((line, index) => setText(values[index], sample === undefined ? '–' : format(line.of(sample))))
  }

  new ResizeObserver(() => chart.setSize({ width: Math.max(200, plot.clientWidth), height: HEIGHT })).observe(plot)
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => chart.redraw(false))

  return {
    /**
     * @param {readonly Sample[]} all
     * @param {number} seconds the longest span to show
     */
    update(all, seconds) {
      samples = all
      spanSeconds = seconds
      chart.setData([samples.map(({ at }) => at), ...lines.map(({ of }) => samples.map(of))])
      describe()
    },
  }
}

/**
 * The range of the x axis, which grows with the samples.
 *
 * @param {readonly Sample[]} samples
 * @param {number} seconds at most
 * @returns {[number, number]}
 */
function windowOf(samples, seconds) {
  const end = samples.at(-1)?.at ?? Date.now() / 1000
  const known = end - (samples[0]?.at ?? end)
  return [end - Math.min(seconds, Math.max(SHORTEST_SECONDS, known)), end]
}

/**
 * The time of day, with seconds if ticks are less than a minute apart.
 *
 * @param {number} seconds
 * @param {number} step
 */
function toClock(seconds, step) {
  return new Date(seconds * 1000).toTimeString().slice(0, step < 60 ? 8 : 5)
}

/**
 * Resolves CSS variables and light-dark() through an element, because a canvas cannot.
 *
 * @param {HTMLElement} element
 * @param {string} name
 */
function resolveColour(element, name) {
  element.style.color = `var(${name})`
  return getComputedStyle(element).color
}
