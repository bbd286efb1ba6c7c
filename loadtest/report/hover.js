// Shows the values of a chart under the pointer, or at the point chosen with the arrow keys. The page includes this
// file.
const SVG = 'http://www.w3.org/2000/svg'

for (const figure of document.querySelectorAll('figure[data-points]')) {
  const { width, top, bottom, series } = JSON.parse(figure.dataset.points)
  const drawn = series.filter(({ at }) => at.length > 0)
  if (drawn.length > 0) makeReadable(figure, { width, top, bottom, series: drawn })
}

/** Each series has a name, a key, and the positions and labels of its points. */
function makeReadable(figure, { width, top, bottom, series }) {
  const svg = figure.querySelector('svg')
  const marks = document.createElementNS(SVG, 'g')
  const line = document.createElementNS(SVG, 'path')
  line.setAttribute('class', 'marker')
  const dots = series.map(({ key }) => {
    const dot = document.createElementNS(SVG, 'circle')
    dot.setAttribute('r', '3.5')
    dot.setAttribute('class', `dot k${key}`)
    return dot
  })
  marks.append(line, ...dots)
  const tip = document.createElement('div')
  tip.className = 'tip'
  tip.setAttribute('role', 'status')
  figure.append(tip)
  const [lead] = series
  // The index of the point that is shown, or -1 if no point is shown.
  let place = -1

  function showAt(x) {
    place = nearest(lead.at, x)
    const at = lead.at[place]
    line.setAttribute('d', `M${at} ${top}V${bottom}`)
    const heading = document.createElement('b')
    heading.textContent = lead.x[place]
    tip.replaceChildren(
      heading,
      ...series.map(({ name, key, at: places, up, y }, index) => {
        const point = nearest(places, at)
        dots[index].setAttribute('cx', places[point])
        dots[index].setAttribute('cy', up[point])
        const row = document.createElement('span')
        row.className = `key k${key}`
        row.textContent = `${name} ${y[point]}`
        return row
      }),
    )
    svg.append(marks)
    tip.classList.add('shown')
    // Places the box beside the marker, on the side with enough room.
    const box = svg.getBoundingClientRect()
    const frame = figure.getBoundingClientRect()
    const marker = box.left - frame.left + (at / width) * box.width
    const isRight = at < width / 2
    tip.style.top = `${box.top - frame.top + 8}px`
    tip.style.left = `${isRight ? marker + 12 : marker - tip.offsetWidth - 12}px`
  }

  function hide() {
    marks.remove()
    tip.classList.remove('shown')
    place = -1
  }

  svg.addEventListener('pointermove', ({ clientX }) => {
    const box = svg.getBoundingClientRect()
    showAt(((clientX - box.left) / box.width) * width)
  })
  svg.addEventListener('pointerleave', hide)
  svg.addEventListener('blur', hide)
  svg.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') hide()
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? 0
    if (step === 0) return
    event.preventDefault()
    showAt(lead.at[Math.min(lead.at.length - 1, Math.max(0, place + step))])
  })
}

function nearest(places, at) {
  return places.reduce((best, one, index) => (Math.abs(one - at) < Math.abs(places[best] - at) ? index : best), 0)
}
