import { byId, el, setText } from '../page/dom.js'
import { plural, toCount, toDuration, toRate } from '../page/format.js'
import { createWires } from './wires.js'

/**
 * The pipeline diagram, with the state of each part.
 *
 * @typedef {import('../../../../application/operations/status.ts').PipelineStatus} PipelineStatus
 * @typedef {import('../../../../application/operations/readiness.ts').Readiness} Readiness
 * @typedef {import('../page/samples.js').Sample} Sample
 * @typedef {'ok' | 'warn' | 'bad'} Lamp
 */

export function createPipeline() {
  const tiers = document.querySelectorAll('[id^="node-retry-"]').length
  const wires = createWires(tiers)
  const keptFor = byId('way').dataset['kept']
  const partitions = el('div', { class: 'partitions', 'aria-hidden': 'true' })
  byId('node-log').append(partitions)
  /** The last known median, in milliseconds. @type {number | null} */
  let pace = null
  /**
   * How many records waited in each tier at the previous update. Since then, retries can have stored only these
   * records.
   *
   * @type {Map<number, number>}
   */
  const waitingBefore = new Map()

  /**
   * @param {PipelineStatus} status
   * @param {Sample} sample
   */
  function update(status, sample) {
    const { orders, retries, parked, readiness } = status
    const { log, store } = readiness.checks
    pace = sample.p50 ?? pace
    show('http', toRate(sample.accepted), {
      lamp: log.available ? 'ok' : 'bad',
      note: log.available ? '202 once the log has it' : '503: orders are refused while the log cannot take them',
    })
    show('log', toCount(orders.lag), {
      lamp: orders.lag > 0 && (!store.available || sample.stored === 0) ? 'warn' : 'ok',
      note: `${plural(recordsIn(orders.partitions), 'record')}, each kept ${keptFor}`,
    })
    show('processor', toRate(sample.stored), {
      lamp: store.available ? 'ok' : 'warn',
      note: noteOfProcessor(store.available, orders.lag > 0 && sample.stored === 0),
    })
    show('store', toCount(orders.stored + parked.stored), {
      lamp: store.available ? 'ok' : 'bad',
      note: store.available
        ? noteOfStore(orders.duplicate, pace)
        : `unavailable: ${store.cause ?? 'no cause is known'}`,
    })
    for (const { tier, delayMs, waiting } of retries) {
      const note = `tried again after ${toDuration(delayMs)}`
      show(`retry-${tier}`, toCount(waiting), { lamp: waiting > 0 ? 'warn' : 'ok', note })
      wires.flow(tier === 1 ? 'retry' : `retry-${tier}`, waiting)
      wires.flow(`rescue-${tier}`, (waitingBefore.get(tier) ?? 0) > 0 ? sample.rescued : 0)
      waitingBefore.set(tier, waiting)
    }
    show('dead', toCount(parked.dead), {
      lamp: parked.dead > 0 ? 'bad' : 'ok',
      note: parked.dead > 0 ? 'kept byte for byte until you repair them' : 'none: nothing to repair',
    })
    showPartitions(orders.partitions)
    wires.flow('publish', sample.accepted)
    wires.flow('deliver', store.available ? sample.stored : 0)
    wires.flow('store', sample.stored)
    wires.flow('poison', sample.dying)
    wires.flow('give-up', retries.at(-1)?.waiting === 0 ? 0 : sample.dying)
  }

  /** @param {PipelineStatus['orders']['partitions']} all */
  function showPartitions(all) {
    while (partitions.children.length < all.length) partitions.append(el('i'))
    const most = Math.max(1, ...all.map(({ lag }) => lag))
    all.forEach(({ lag }, index) => {
      const bar = /** @type {HTMLElement} */ (partitions.children[index])
      bar.style.setProperty('--fill', lag === 0 ? '0' : String(Math.max(0.12, lag / most)))
    })
    partitions.title = all
      .map(({ partition, lag }) => `partition ${partition}: ${plural(lag, 'record')} to come`)
      .join('\n')
  }

  return {
    update,
    /** @param {boolean} isRunning */
    redriving: (isRunning) => wires.flow('redrive', isRunning ? 4 : 0),
    /** Dims numbers that may be outdated. @param {boolean} isStale */
    stale: (isStale) => byId('pipeline').classList.toggle('stale', isStale),
  }
}

/**
 * @param {string} id
 * @param {string} figure
 * @param {{ lamp: Lamp, note: string }} state
 */
function show(id, figure, { lamp, note }) {
  const node = byId(`node-${id}`)
  setText(node.querySelector('.figure b'), figure)
  setText(node.querySelector('.note'), note)
  if (node.dataset['lamp'] !== lamp) node.dataset['lamp'] = lamp
}

/**
 * The number of records that are in the log now.
 *
 * @param {PipelineStatus['orders']['partitions']} partitions
 */
function recordsIn(partitions) {
  return partitions.reduce((total, { first, end }) => total + end - first, 0)
}

/**
 * @param {boolean} isStoreThere
 * @param {boolean} isStanding whether the processor is storing nothing although records are waiting
 */
function noteOfProcessor(isStoreThere, isStanding) {
  if (!isStoreThere) return 'holds its place until the store is back'
  return isStanding ? 'continues in a moment: it retries every few seconds' : 'a batch is one transaction'
}

/**
 * @param {number} duplicates
 * @param {number | null} pace in milliseconds
 */
function noteOfStore(duplicates, pace) {
  const how = pace === null ? 'each exactly once, in effect' : `half of them within ${toDuration(pace)}`
  return duplicates === 0 ? how : `${how}; ${plural(duplicates, 'duplicate')} recognised`
}

/**
 * Updates one of the lamps at the top of the page.
 *
 * @param {string} id
 * @param {Lamp | 'unknown'} lamp
 * @param {string} text
 */
export function showLamp(id, lamp, text) {
  const item = byId(`lamp-${id}`)
  item.dataset['lamp'] = lamp
  setText(item.querySelector('span'), text)
}

/** @param {Readiness} readiness */
export function showHealth({ checks }) {
  for (const [id, { available, cause = 'no cause is known' }] of Object.entries(checks)) {
    showLamp(id, available ? 'ok' : 'bad', available ? 'healthy' : `unavailable: ${cause}`)
  }
}
