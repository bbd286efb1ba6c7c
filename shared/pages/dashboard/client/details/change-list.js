import { el } from '../page/dom.js'
import { linkTo } from '../page/address.js'
import { toShortId, toTime } from '../page/format.js'

/**
 * An order's changes, and what each change is waiting for.
 *
 * @typedef {import('../../../../domain/changes/change-view.ts').ChangeView} ChangeView
 * @typedef {{ items: ChangeView[], nextCursor: string | null }} Changes
 */

/** The maximum number of changes shown for an order. */
export const SHOWN_CHANGES = 50

/** The display name for each kind of change. */
export const CHANGE_NAMES = { amend: 'amendment', cancel: 'cancellation' }

/**
 * @param {import('../page/api.js').Api} api
 * @param {string} orderId
 * @returns {Promise<Changes>}
 */
export function changesOf(api, orderId) {
  return api.get(`/api/orders/${encodeURIComponent(orderId)}/changes?limit=${SHOWN_CHANGES}`)
}

/**
 * A section that lists the changes in the order in which they take effect; null if there are none.
 *
 * @param {string} heading
 * @param {Changes} changes
 */
export function changeList(heading, { items, nextCursor }) {
  if (items.length === 0) return null
  const more = nextCursor === null ? null : el('li', { class: 'note' }, 'There are later changes, too.')
  const list = el('ul', { class: 'letters changes' }, ...items.map(toItem), more)
  return el('section', {}, el('h3', {}, heading), list)
}

/** @param {ChangeView} change */
function toItem(change) {
  const { changeId, kind, status, acceptedAt } = change
  const name = kind === undefined ? 'change' : CHANGE_NAMES[kind]
  const accepted = acceptedAt === undefined ? '' : `, accepted ${toTime(acceptedAt)}`
  const more = [...wordsOf(change)].join(' · ')
  return el(
    'li',
    {},
    el('span', { title: changeId }, `${name} ${toShortId(changeId)}`),
    el('span', { class: 'status', 'data-status': status }, status),
    el('span', { class: 'note' }, `${more}${accepted}`),
    behindLink(change),
  )
}

/** @param {ChangeView} change */
function* wordsOf({ version, expectedVersion, cause, nextAttemptAt, changes, reason }) {
  if (version !== undefined) yield `produced version ${version}`
  if (expectedVersion !== undefined && version === undefined) yield `for version ${expectedVersion}`
  if (changes !== undefined) yield Object.keys(changes).join(', ')
  if (reason !== undefined) yield `“${reason}”`
  if (cause !== undefined) yield `${cause.code}: ${cause.detail}`
  if (nextAttemptAt !== undefined) yield `next attempt at ${toTime(nextAttemptAt)}`
}

/**
 * Describes what the change is waiting for.
 *
 * @param {ChangeView} change
 */
function behindLink({ orderId, behind }) {
  if (behind === undefined) return null
  if (behind.kind === 'change') {
    return el(
      'span',
      { class: 'note' },
      `waits for the change ${toShortId(behind.changeId)}, which is ${behind.status}`,
    )
  }
  const order = el('a', { href: linkTo({ order: orderId }) }, 'the order')
  return el('span', { class: 'note' }, 'waits for ', order, `, which is ${behind.status}`)
}
