import { byId } from '../page/dom.js'

/**
 * The lines between the pipeline's boxes. Their paths are computed from the positions of the boxes, so the diagram fits
 * any width. Dots move along a line, faster when more orders pass.
 *
 * @typedef {{ x: number, y: number, width: number, height: number }} Box
 * @typedef {{ id: string, kind: string, from: string, to: string, shares?: [number, number, number], margin?: number }} Wire
 *   `from` and `to` are boxes; `shares` is passed to `bus` in a wide diagram; `margin` is passed to `aside` as the
 *   width in a narrow one
 */

const SVG = 'http://www.w3.org/2000/svg'
const DOT_GAP = 14
const MARGIN = 14

/** @param {number} tiers */
export function createWires(tiers) {
  const svg = byId('wires', SVGSVGElement)
  svg.append(arrowHead())
  const picture = byId('pipeline')
  const tierNumbers = Array.from({ length: tiers }, (_, index) => index + 1)

  /** @type {Wire[]} */
  const wires = [
    { id: 'publish', kind: 'good', from: 'http', to: 'log' },
    { id: 'deliver', kind: 'good', from: 'log', to: 'processor' },
    { id: 'store', kind: 'good', from: 'processor', to: 'store' },
    { id: 'retry', kind: 'warn', from: 'processor', to: 'retry-1', shares: [0.3, 0.3, 0.33], margin: MARGIN },
    ...tierNumbers
      .slice(1)
      .map((tier) => ({ id: `retry-${tier}`, kind: 'warn', from: `retry-${tier - 1}`, to: `retry-${tier}` })),
    ...tierNumbers.map(rescue),
    { id: 'give-up', kind: 'bad', from: `retry-${tiers}`, to: 'dead' },
    { id: 'poison', kind: 'bad', from: 'processor', to: 'dead', shares: [0.7, 0.6, 0.33], margin: MARGIN / 2 },
    { id: 'redrive', kind: 'redrive', from: 'dead', to: 'log', margin: -MARGIN },
  ]

  const drawn = new Map(wires.map((wire) => [wire.id, { wire, ...lineFor(svg, wire.kind) }]))

  function draw() {
    const origin = picture.getBoundingClientRect()
    /** @param {string} node */
    const at = (node) => {
      const { left, top, width, height } = byId(`node-${node}`).getBoundingClientRect()
      return { x: left - origin.left - picture.clientLeft, y: top - origin.top - picture.clientTop, width, height }
    }
    svg.setAttribute('width', String(picture.clientWidth))
    svg.setAttribute('height', String(picture.clientHeight))
    const isWide = at('log').x > at('http').x
    for (const { wire, line, dots } of drawn.values()) {
      const path = pathOf(wire, at, isWide)
      line.setAttribute('d', path)
      dots.setAttribute('d', path)
    }
  }
  // Boxes are observed too, because a changed note can move them without resizing the diagram.
  const moved = new ResizeObserver(draw)
  for (const box of [picture, ...picture.querySelectorAll('h2, .node')]) moved.observe(box)

  return {
    /**
     * @param {string} id
     * @param {number | null} rate records per second; at 0, the dots do not move
     */
    flow(id, rate) {
      const dots = drawn.get(id)?.dots
      if (dots === undefined) return
      const isFlowing = rate !== null && rate > 0
      dots.classList.toggle('flowing', isFlowing)
      // The pace changes in steps, because a new duration makes the dots jump.
      const pace = isFlowing ? Math.min(8, Math.round(Math.log2(1 + rate))) : 0
      dots.style.setProperty('--step', `${1.1 / (1 + pace * 0.8)}s`)
    },
  }
}

/** @param {number} tier @returns {Wire} */
function rescue(tier) {
  return {
    id: `rescue-${tier}`,
    kind: 'good',
    from: `retry-${tier}`,
    to: 'store',
    shares: [0.7, 0.25, 0.67],
    margin: -MARGIN / 2,
  }
}

/**
 * @param {Wire} wire
 * @param {(node: string) => Box} at
 * @param {boolean} isWide whether the boxes of a row are side by side
 */
function pathOf({ id, from, to, shares, margin }, at, isWide) {
  const [start, end] = [at(from), at(to)]
  if (!isWide && margin !== undefined) return aside(start, end, margin)
  if (isWide && shares !== undefined) return bus(start, end, shares)
  if (isWide && id === 'redrive') return around(start, end, at('log').x - at('http').x - at('http').width)
  return next(start, end, isWide)
}

/** Shows the direction of the line, even when no dots are moving. */
function arrowHead() {
  const marker = document.createElementNS(SVG, 'marker')
  const attributes = { id: 'arrow', viewBox: '0 0 8 8', refX: '7', refY: '4', markerWidth: '9', markerHeight: '9' }
  for (const [name, value] of Object.entries({ ...attributes, markerUnits: 'userSpaceOnUse', orient: 'auto' })) {
    marker.setAttribute(name, value)
  }
  const head = document.createElementNS(SVG, 'path')
  head.setAttribute('class', 'arrow')
  head.setAttribute('d', 'M0 0.5L7.5 4L0 7.5z')
  marker.append(head)
  return marker
}

/**
 * @param {SVGSVGElement} svg
 * @param {string} kind
 */
function lineFor(svg, kind) {
  const line = document.createElementNS(SVG, 'path')
  const dots = document.createElementNS(SVG, 'path')
  line.setAttribute('class', `wire ${kind}`)
  line.setAttribute('marker-end', 'url(#arrow)')
  dots.setAttribute('class', `dots ${kind}`)
  dots.setAttribute('stroke-dasharray', `0 ${DOT_GAP}`)
  svg.append(line, dots)
  return { line, dots }
}

/**
 * A straight line to the next box, beside or below.
 *
 * @param {Box} from
 * @param {Box} to
 * @param {boolean} isBeside
 */
function next(from, to, isBeside) {
  return isBeside
    ? `M${from.x + from.width} ${middle(from)}H${to.x}`
    : `M${from.x + from.width / 2} ${from.y + from.height}V${to.y}`
}

/**
 * A line between boxes in different rows. It runs horizontally in the space between the rows.
 *
 * @param {Box} from
 * @param {Box} to
 * @param {[fromShare: number, toShare: number, height: number]} shares where the line leaves and meets the boxes, as shares
 *   of their widths, and its height between the rows: 0 is at the upper row, 1 at the lower row
 */
function bus(from, to, [fromShare, toShare, height]) {
  const [start, end] = [from.x + from.width * fromShare, to.x + to.width * toShare]
  const [upper, lower] = from.y < to.y ? [from, to] : [to, from]
  const [top, bottom] = [upper.y + upper.height, lower.y]
  const line = top + (bottom - top) * height
  const [y1, y2] = from.y < to.y ? [top, bottom] : [bottom, top]
  const radius = Math.min(8, Math.abs(end - start) / 2)
  const [aside, down] = [Math.sign(end - start) * radius, Math.sign(y2 - y1) * radius]
  return (
    `M${start} ${y1}V${line - down}Q${start} ${line} ${start + aside} ${line}` +
    `H${end - aside}Q${end} ${line} ${end} ${line + down}V${y2}`
  )
}

/**
 * A line past other boxes in the right margin, or in the left margin when `width` is negative.
 *
 * @param {Box} from
 * @param {Box} to
 * @param {number} width
 */
function aside(from, to, width) {
  const edge = width > 0 ? from.x + from.width : from.x
  const end = width > 0 ? to.x + to.width : to.x
  const [x, radius] = [edge + width, Math.min(6, Math.abs(width)) * Math.sign(to.y - from.y)]
  const turn = Math.sign(width) * Math.abs(radius)
  return (
    `M${edge} ${middle(from)}H${x - turn}Q${x} ${middle(from)} ${x} ${middle(from) + radius}` +
    `V${middle(to) - radius}Q${x} ${middle(to)} ${x - turn} ${middle(to)}H${end}`
  )
}

/**
 * A line back to the log, below all boxes and up beside the log's column.
 *
 * @param {Box} from
 * @param {Box} to
 * @param {number} gap between columns
 */
function around(from, to, gap) {
  const [x, bottom] = [from.x + from.width / 2, from.y + from.height]
  const [low, up, end, radius] = [bottom + MARGIN, to.x - gap / 2, to.y + to.height * 0.8, 8]
  return (
    `M${x} ${bottom}V${low - radius}Q${x} ${low} ${x - radius} ${low}H${up + radius}` +
    `Q${up} ${low} ${up} ${low - radius}V${end + radius}Q${up} ${end} ${up + radius} ${end}H${to.x}`
  )
}

/** @param {Box} box */
function middle(box) {
  return box.y + box.height / 2
}
