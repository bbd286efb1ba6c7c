import { button, byId, el, keyed, setText } from './dom.js'
import { linkTo } from './address.js'
import { say, wordsOf } from './details.js'
import { plural, toTime } from './format.js'
import { previewList } from './preview.js'

/**
 * Dead letters, by what they died of.
 *
 * @typedef {import('../../ports/dead-letters.ts').DeadLetterGroup} DeadLetterGroup
 * @typedef {import('../../ports/dead-letters.ts').DeadLetterSummary} DeadLetterSummary
 * @typedef {import('../../ports/redrives.ts').AuditEntry} AuditEntry
 */

const SHOWN_LETTERS = 50

/**
 * @param {import('./api.js').Api} api
 * @param {ReturnType<typeof import('./redrives.js').createRedrives>} redrives
 * @param {() => void} onChange
 */
export function createDeadLetters(api, redrives, onChange) {
  const groups = byId('dead-groups')
  const state = byId('dead-state', HTMLSelectElement)
  const audit = byId('audit', HTMLDetailsElement)

  async function refresh() {
    const query = new URLSearchParams({ limit: '50', ...(state.value !== '' && { state: state.value }) })
    const found = /** @type {DeadLetterGroup[]} */ ((await api.get(`/api/dead-letters/groups?${query}`)).items)
    keyed(groups, found, { key: ({ fingerprint }) => fingerprint, create: createGroup, update: updateGroup })
    byId('dead-empty').hidden = found.length > 0
    if (audit.open) await refreshAudit()
  }

  /** @param {DeadLetterGroup} group */
  function createGroup({ fingerprint }) {
    const letters = el('ul', { class: 'letters' })
    const preview = el('div', { class: 'preview' })
    const opener = el('details', {}, el('summary', {}, 'Letters'), letters)
    opener.addEventListener('toggle', () => void refreshLetters(fingerprint, opener))
    const actions = el(
      'div',
      { class: 'actions' },
      button('Preview', () => previewGroup(fingerprint, preview)),
      button('Redrive all', () => redrives.start({ fingerprint })),
    )
    const cause = el('h3', {}, el('code'), ' ', el('span'))
    return el('article', { class: 'group' }, cause, el('p', { class: 'note' }), actions, preview, opener)
  }

  /**
   * @param {HTMLElement} article
   * @param {DeadLetterGroup} group
   */
  function updateGroup(article, group) {
    const { cause, count, firstSeen, lastSeen, fingerprint } = group
    setText(article.querySelector('h3 code'), cause.code)
    setText(article.querySelector('h3 span'), cause.detail)
    const when = firstSeen === lastSeen ? `at ${toTime(lastSeen)}` : `${toTime(firstSeen)} to ${toTime(lastSeen)}`
    setText(article.querySelector('.note'), `${plural(count, 'letter')}, ${when}${givenUpBy(group)}`)
    article.querySelector('.actions')?.toggleAttribute('hidden', state.value !== 'dead')
    const opener = article.querySelector('details')
    if (opener !== null) void refreshLetters(fingerprint, opener)
  }

  /**
   * @param {string} fingerprint
   * @param {HTMLDetailsElement} opener
   */
  async function refreshLetters(fingerprint, opener) {
    const list = opener.querySelector('.letters')
    if (!opener.open || list === null) return
    const query = new URLSearchParams({ fingerprint, limit: String(SHOWN_LETTERS) })
    if (state.value !== '') query.set('state', state.value)
    try {
      const { items } = /** @type {{ items: DeadLetterSummary[] }} */ (await api.get(`/api/dead-letters?${query}`))
      keyed(list, items, { key: ({ id }) => id, create: createLetter, update: updateLetter })
    } catch (error) {
      say(wordsOf(error))
    }
  }

  /**
   * @param {string} fingerprint
   * @param {HTMLElement} place
   */
  async function previewGroup(fingerprint, place) {
    try {
      place.replaceChildren(previewList(await redrives.preview({ fingerprint })))
    } catch (error) {
      place.replaceChildren(el('p', { class: 'fault' }, wordsOf(error)))
    }
  }

  async function refreshAudit() {
    const { items } = /** @type {{ items: AuditEntry[] }} */ (await api.get('/api/audit?limit=20'))
    keyed(byId('audit-entries'), items, {
      key: ({ at, action, target }) => `${at} ${action} ${target}`,
      create: ({ at, action, target, operator, verified, reason }) =>
        el(
          'li',
          {},
          el('b', {}, action),
          el('time', { datetime: at }, toTime(at)),
          el(
            'p',
            {},
            `${operator}${verified ? '' : ' (as claimed)'} · ${target}${reason === null ? '' : ` · “${reason}”`}`,
          ),
        ),
    })
  }

  state.addEventListener('change', onChange)
  audit.addEventListener('toggle', onChange)
  return { refresh }
}

/** @param {DeadLetterGroup} group */
function givenUpBy({ consumerGroup, foreignDialect }) {
  if (foreignDialect === null) return ''
  return consumerGroup === '' ? ', given up by another consumer' : `, given up by ${consumerGroup}`
}

/** @param {DeadLetterSummary} letter */
function createLetter({ id }) {
  const opener = el('a', { class: 'link' }, id)
  return el('li', {}, opener, el('span', { class: 'status' }), el('span', { class: 'note' }))
}

/**
 * @param {HTMLElement} item
 * @param {DeadLetterSummary} letter
 */
function updateLetter(item, { id, state, attempts, lastFailedAt, orderId }) {
  const [opener, status, note] = item.children
  opener?.setAttribute('href', linkTo({ letter: id }))
  setText(status, state)
  status?.setAttribute('data-status', state)
  const order = orderId === null ? 'no order id' : `order ${orderId}`
  const tries = attempts === 0 ? '' : `${plural(attempts, 'attempt')}, `
  setText(note, `${tries}last at ${toTime(lastFailedAt)}, ${order}`)
}
