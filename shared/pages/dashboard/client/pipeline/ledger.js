import { button, byId, el, keyed, setText } from '../page/dom.js'
import { say, wordsOf } from '../details/details.js'
import { plural, toCount } from '../page/format.js'
import { showLamp } from './pipeline.js'

/**
 * The ledger's verdict, written as a sum that a reader can check.
 *
 * @typedef {import('../../../../application/ledger/ledger.ts').LedgerVerdict} LedgerVerdict
 */

/**
 * @param {import('../page/api.js').Api} api
 * @param {(summary: string | undefined) => void} onVerdict called with the summary, or with undefined when everything
 *   adds up
 */
export function createLedger(api, onVerdict) {
  const verdict = el('p', { class: 'verdict' })
  const sum = el('ol', { class: 'sum' })
  const rows = el('tbody')
  const headings = ['Partition', 'Records', 'Stored', 'Duplicate', 'Parked', 'To come', 'Adds up']
  const head = el('tr', {}, ...headings.map((name) => el('th', { scope: 'col', class: 'number' }, name)))
  const table = el('table', { class: 'partitions-list' }, el('thead', {}, head), rows)
  const scroll = el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'By partition' }, table)
  const repair = button('Store or park the records that were passed over', mend)
  repair.hidden = true
  byId('ledger').append(verdict, sum, repair, el('details', {}, el('summary', {}, 'By partition'), scroll))

  async function mend() {
    try {
      let processed = 0
      for (let more = true; more;) {
        const done = await api.send('POST', '/api/ops/ledger/repair')
        processed += done.processed
        more = done.more
      }
      say(`${plural(processed, 'record')} had been passed over and now ${processed === 1 ? 'has' : 'have'} an outcome.`)
      await refresh()
    } catch (error) {
      say(wordsOf(error))
    }
  }

  async function refresh() {
    const found = /** @type {LedgerVerdict} */ (await api.get('/api/ops/ledger'))
    const { balanced, summary, totals, parked, waiting, partitions, gaps } = found
    showLamp('ledger', balanced ? 'ok' : 'bad', balanced ? 'balanced' : 'does not add up')
    onVerdict(balanced ? undefined : summary)
    verdict.dataset['lamp'] = balanced ? 'ok' : 'bad'
    setText(verdict, balanced ? 'Balanced: every record has exactly one outcome.' : summary)
    repair.hidden = gaps.length === 0
    const ofRecords = [
      totals.redriven > 0 ? `${toCount(totals.redriven)} of them redriven` : '',
      totals.expired > 0 ? `${toCount(totals.expired)} have since left the log` : '',
    ]
    const notes = ofRecords.filter((note) => note !== '').join(', ')
    /** @type {[name: string, sign: string, count: number, more?: string][]} */
    const parts = [
      ['records', '', totals.records, notes],
      ['stored', '=', totals.stored, waiting > 0 ? `${plural(waiting, 'change')} of them waiting` : ''],
      ['duplicate', '+', totals.duplicate],
      ['parked', '+', totals.parked, statesOf(parked)],
      ['damaged', '+', totals.damaged, 'the log cannot return them'],
      ['lost', '+', totals.lost, 'left the log before they were counted'],
      ['to come', '+', totals.toCome],
    ]
    const shown = parts.filter(([name, , count]) => count > 0 || (name !== 'damaged' && name !== 'lost'))
    keyed(sum, shown, {
      key: ([name]) => name,
      create: ([name, sign]) =>
        el('li', {}, el('i', { 'aria-hidden': 'true' }, sign), el('b'), el('span', {}, name), el('small')),
      update: (item, [, , count, more = '']) => {
        setText(item.querySelector('b'), toCount(count))
        setText(item.querySelector('small'), more)
      },
    })
    keyed(rows, partitions, {
      key: ({ topic, partition }) => `${topic}:${partition}`,
      create: ({ partition }) =>
        el(
          'tr',
          {},
          el('th', { scope: 'row', class: 'number' }, partition),
          ...headings.slice(1).map((name) => el('td', { class: 'number', 'data-name': name.toLowerCase() })),
        ),
      update: (row, line) => {
        const values = [line.end - line.first, line.stored, line.duplicate, line.parked, line.toCome].map(toCount)
        const texts = [...values, line.balanced ? 'yes' : 'no']
        texts.forEach((text, index) => setText(row.children[index + 1], text))
      },
    })
  }

  return { refresh }
}

/** @param {LedgerVerdict['parked']} parked */
function statesOf(parked) {
  const some = Object.entries(parked).filter(([, count]) => count > 0)
  return some.map(([state, count]) => `${toCount(count)} ${state === 'stored' ? 'stored later' : state}`).join(', ')
}
