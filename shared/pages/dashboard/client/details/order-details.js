import { el } from '../page/dom.js'
import { linkTo } from '../page/address.js'
import { changeList, changesOf } from './change-list.js'
import { factList, orSay, showDetails } from './details.js'
import { msBetween, toDuration, toMoney, toShortId, toTime } from '../page/format.js'

/**
 * One order: its changes, its timeline and its items.
 *
 * @typedef {import('../../../../domain/order-view.ts').OrderView} OrderView
 * @typedef {import('../../../../domain/order-view.ts').HistoryEntry} HistoryEntry
 * @typedef {{ items: import('../../../../ports/dead-letters.ts').DeadLetterSummary[], nextCursor: string | null }} Letters
 */

const SHOWN_LETTERS = 10

/**
 * @param {import('../page/api.js').Api} api
 * @param {string} orderId
 */
export async function showOrder(api, orderId) {
  await orSay(async () => {
    const id = encodeURIComponent(orderId)
    const [order, { items }, letters, changes] = await Promise.all([
      /** @type {Promise<OrderView>} */ (api.get(`/api/orders/${id}`)),
      /** @type {Promise<{ items: HistoryEntry[] }>} */ (api.get(`/api/orders/${id}/history`)),
      /** @type {Promise<Letters>} */ (api.get(`/api/dead-letters?limit=${SHOWN_LETTERS}&orderId=${id}`)),
      changesOf(api, orderId),
    ])
    const way = [el('h3', {}, 'Its history'), toTimeline(items)]
    showDetails(
      'An order',
      factsOf(order),
      changeList('Its changes', changes),
      lettersOf(letters),
      ...way,
      itemsOf(order),
    )
  })
}

/**
 * Links to the order's dead letters.
 *
 * @param {Letters} letters
 */
function lettersOf({ items, nextCursor }) {
  if (items.length === 0) return null
  const links = items.map(({ id, state }) => {
    const status = el('span', { class: 'status', 'data-status': state }, state)
    return el('li', {}, el('a', { class: 'link', href: linkTo({ letter: id }) }, id), status)
  })
  const more = nextCursor === null ? null : el('li', { class: 'note' }, 'There are older letters, too.')
  return el('section', {}, el('h3', {}, 'Its dead letters'), el('ul', { class: 'letters' }, ...links, more))
}

/** @param {string} [reason] */
function toReason(reason) {
  return reason === undefined ? '' : `: “${reason}”`
}

/** @param {OrderView} order */
function factsOf(order) {
  const metadata = Object.entries(order.metadata ?? {})
  return factList({
    id: order.orderId,
    status: order.recovered === true ? `${order.status}, after a redrive` : order.status,
    version: order.version,
    accepted: toTime(order.acceptedAt),
    cancelled: order.cancelledAt && `${toTime(order.cancelledAt)}${toReason(order.cancellationReason)}`,
    cause: order.cause && `${order.cause.code}: ${order.cause.detail}`,
    customer: order.customerId && `${order.customerFullName ?? 'forgotten'}, number ${order.customerId}`,
    total: order.totalPrice === undefined ? undefined : toMoney(order),
    'paid by': order.paymentMethodType,
    'sent to': order.shippingAddress,
    reference: order.reference,
    metadata: metadata.map((entry) => entry.join(': ')).join(' · '),
  })
}

/**
 * The entries, oldest first, each with the time since the previous entry.
 *
 * @param {readonly HistoryEntry[]} entries
 */
export function toTimeline(entries) {
  return el('ol', { class: 'timeline' }, ...entries.map((entry, index) => toStep(entry, entries[index - 1])))
}

/**
 * @param {HistoryEntry} entry
 * @param {HistoryEntry | undefined} before
 */
function toStep(entry, before) {
  const { at, kind, attempt, nextAttemptAt, cause, reason, changeId, version } = entry
  const since = before === undefined ? '' : ` +${toDuration(msBetween(before.at, at))}`
  const more = [
    changeId === undefined ? '' : `change ${toShortId(changeId)}`,
    version === undefined ? '' : `version ${version}`,
    attempt === undefined ? '' : `attempt ${attempt}`,
    cause === undefined ? '' : `${cause.code}: ${cause.detail}`,
    nextAttemptAt === undefined ? '' : `next at ${toTime(nextAttemptAt)}`,
    reason === undefined ? '' : `“${reason}”`,
  ].filter((part) => part !== '')
  return el(
    'li',
    { 'data-kind': kind },
    el('b', {}, nameOf(entry)),
    el('time', { datetime: at }, toTime(at), since),
    more.length === 0 ? null : el('p', {}, more.join(' · ')),
  )
}

/** @type {Partial<Record<HistoryEntry['kind'], string>>} */
const NAMES = {
  'change-waits': 'change waits',
  'change-rejected': 'change rejected',
  amended: 'amended',
  cancelled: 'cancelled',
  'entries-removed': 'earlier entries removed',
}

/** @param {HistoryEntry} entry */
function nameOf({ kind, changeId }) {
  return NAMES[kind] ?? (changeId === undefined ? kind : `change ${kind}`)
}

/** @param {OrderView} order */
function itemsOf({ orderItems }) {
  if (orderItems === undefined) return null
  const rows = orderItems.map((item) =>
    el(
      'tr',
      {},
      el('th', { scope: 'row' }, item.itemCode),
      el('td', {}, item.longDescription),
      el('td', { class: 'number' }, `${item.quantity} ×`),
      el('td', { class: 'number' }, toMoney({ totalPrice: item.price, currencyType: item.currencyType })),
    ),
  )
  const table = el('table', {}, el('caption', {}, 'Items'), el('tbody', {}, ...rows))
  return el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Items' }, table)
}
