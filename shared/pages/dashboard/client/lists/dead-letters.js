import { actions, button, byId, el, keyed, setText } from '../page/dom.js'
import { linkTo } from '../page/address.js'
import { createBulkActions } from './bulk-actions.js'
import { CHANGE_NAMES } from '../details/change-list.js'
import { orSay } from '../details/details.js'
import { plural, toTime } from '../page/format.js'
import { createListEnd } from '../page/list-end.js'
import { previewList } from '../details/preview.js'

/**
 * Dead letters, grouped by cause.
 *
 * @typedef {import('../../../../ports/dead-letters.ts').DeadLetterGroup} DeadLetterGroup
 * @typedef {import('../../../../ports/dead-letters.ts').DeadLetterSummary & import('../../../../ports/dead-letters.ts').Waiting} DeadLetterSummary
 * @typedef {import('../../../../ports/redrives.ts').AuditEntry} AuditEntry
 * @typedef {ReturnType<typeof createListEnd>} ListEnd
 */

const SHOWN_GROUPS = 50
const SHOWN_LETTERS = 50
const SHOWN_ACTIONS = 20

/**
 * @param {import('../page/api.js').Api} api
 * @param {ReturnType<typeof import('./redrives.js').createRedrives>} redrives
 * @param {() => void} onChange
 */
export function createDeadLetters(api, redrives, onChange) {
  const groups = byId('dead-groups')
  const state = byId('dead-state', HTMLSelectElement)
  const audit = byId('audit', HTMLDetailsElement)
  const bulk = createBulkActions(api, redrives, onChange)
  const groupsEnd = createListEnd({ first: SHOWN_GROUPS, onMore: onChange })
  const auditEnd = createListEnd({ first: SHOWN_ACTIONS, onMore: onChange })
  groups.after(groupsEnd.element)
  audit.append(auditEnd.element)
  /**
   * For each group shown, the letter count and the end of the letter list. @type {Map<string, { count: number, end:
   * ListEnd }>}
   */
  const shown = new Map()

  async function refresh() {
    /** @type {DeadLetterGroup[]} */
    const items = await groupsEnd.fetch(api, `/api/dead-letters/groups?${listQuery(groupsEnd)}`)
    keyed(groups, items, { key: ({ fingerprint }) => fingerprint, create: createGroup, update: updateGroup })
    const found = new Set(items.map(({ fingerprint }) => fingerprint))
    for (const fingerprint of shown.keys()) if (!found.has(fingerprint)) shown.delete(fingerprint)
    byId('dead-empty').hidden = items.length > 0
    if (audit.open) await refreshAudit()
  }

  /**
   * @param {ListEnd} end
   * @param {Record<string, string>} [more]
   */
  function listQuery(end, more = {}) {
    const chosen = state.value === '' ? {} : { state: state.value }
    return new URLSearchParams({ ...more, limit: String(end.limit()), ...chosen })
  }

  /** @param {DeadLetterGroup} group */
  function createGroup({ fingerprint, count }) {
    const letters = el('ul', { class: 'letters' })
    const preview = el('div', { class: 'preview' })
    const end = createListEnd({ first: SHOWN_LETTERS, onMore: () => refreshLetters(fingerprint, opener) })
    const group = { count, end }
    shown.set(fingerprint, group)
    const opener = el('details', {}, el('summary', {}, 'Letters'), letters, end.element)
    opener.addEventListener('toggle', () => void refreshLetters(fingerprint, opener))
    const acts = actions(
      button('Preview', () => previewGroup(fingerprint, preview)),
      button('Redrive all', async () => bulk.redrive(fingerprint, group.count)),
      button('Discard all', async () => bulk.discard(fingerprint, group.count), { class: 'quiet' }),
    )
    const cause = el('h3', {}, el('code'), ' ', el('span'))
    const exception = el('p', { class: 'exception' }, el('code'))
    return el('article', { class: 'group' }, cause, exception, el('p', { class: 'note' }), acts, preview, opener)
  }

  /**
   * @param {HTMLElement} article
   * @param {DeadLetterGroup} group
   */
  function updateGroup(article, group) {
    const { cause, exception, count, firstSeen, lastSeen, fingerprint } = group
    const known = shown.get(fingerprint)
    if (known !== undefined) known.count = count
    setText(article.querySelector('h3 code'), cause.code)
    setText(article.querySelector('h3 span'), cause.detail)
    setText(article.querySelector('.exception code'), exception ?? '')
    article.querySelector('.exception')?.toggleAttribute('hidden', exception === null)
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
    const end = shown.get(fingerprint)?.end
    if (!opener.open || list === null || end === undefined) return
    await orSay(async () => {
      /** @type {DeadLetterSummary[]} */
      const items = await end.fetch(api, `/api/dead-letters?${listQuery(end, { fingerprint })}`)
      keyed(list, items, { key: ({ id }) => id, create: createLetter, update: updateLetter })
    })
  }

  /**
   * @param {string} fingerprint
   * @param {HTMLElement} place
   */
  async function previewGroup(fingerprint, place) {
    await orSay(async () => place.replaceChildren(previewList(await redrives.preview({ fingerprint }))), place)
  }

  async function refreshAudit() {
    /** @type {AuditEntry[]} */
    const items = await auditEnd.fetch(api, `/api/audit?limit=${auditEnd.limit()}`)
    keyed(byId('audit-entries'), items, {
      key: ({ at, action, target }) => `${at} ${action} ${target}`,
      create: ({ at, action, target, operator, verified, reason }) => {
        const who = `${operator}${verified ? '' : ' (as claimed)'}`
        const why = reason === null ? '' : ` · “${reason}”`
        const time = el('time', { datetime: at }, toTime(at))
        return el('li', {}, el('b', {}, action), time, el('p', {}, `${who} · ${target}${why}`))
      },
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
function updateLetter(item, { id, state, attempts, lastFailedAt, orderId, change, waitingChanges }) {
  const [opener, status, note] = item.children
  opener?.setAttribute('href', linkTo({ letter: id }))
  setText(status, state)
  status?.setAttribute('data-status', state)
  const subject = change === undefined ? '' : `${CHANGE_NAMES[change.kind]} of `
  const order = orderId === null ? 'no order id' : `${subject}order ${orderId}`
  const tries = attempts === 0 ? '' : `${plural(attempts, 'attempt')}, `
  const waiting = waitingChanges === undefined ? '' : `, ${plural(waitingChanges, 'change waits', 'changes wait')}`
  setText(note, `${tries}last at ${toTime(lastFailedAt)}, ${order}${waiting}`)
}
