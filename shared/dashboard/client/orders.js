import { byId, el, keyed, setText } from './dom.js'
import { RefusedError } from './api.js'
import { msBetween, toDuration, toMoney, toShortId, toTime } from './format.js'
import { showOrder } from './order-details.js'

/**
 * The newest orders, or those that a search finds.
 *
 * @typedef {import('../../domain/order-view.ts').OrderView} OrderView
 */

/** A few seconds of these, one turn after the other, are enough for a p99. */
const NEWEST = 100
const SHOWN = 12
const ORDER_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * @param {import('./api.js').Api} api
 * @param {{ onNewest: (orders: readonly OrderView[]) => void, onMore: () => void }} listeners `onNewest` is told of the
 *   newest stored orders each time
 */
export function createOrders(api, { onNewest, onMore }) {
  const text = byId('order-text', HTMLInputElement)
  const status = byId('order-status', HTMLSelectElement)
  const rows = byId('orders')
  const empty = byId('orders-empty')
  const more = byId('orders-more', HTMLButtonElement)
  let asked = 0
  let shown = SHOWN

  async function refresh() {
    const turn = (asked += 1)
    const newest = /** @type {{ items: OrderView[] }} */ (await api.get(`/api/orders?limit=${NEWEST}`)).items
    onNewest(newest)
    const found = text.value.trim() === '' && status.value === '' ? newest : await find()
    if (turn === asked) show(found.slice(0, shown), found.length > shown)
  }

  /** @returns {Promise<OrderView[]>} */
  async function find() {
    const words = text.value.trim()
    if (ORDER_ID.test(words)) return findById(words)
    const query = new URLSearchParams({ limit: String(NEWEST) })
    if (words !== '') query.set('q', words)
    if (status.value !== '') query.set('status', status.value)
    const route = status.value === '' ? '/api/orders/search' : '/api/orders'
    return (await api.get(`${route}?${query}`)).items
  }

  /** @param {string} id */
  async function findById(id) {
    try {
      return [await api.get(`/api/orders/${id}`)]
    } catch (error) {
      if (error instanceof RefusedError && error.status === 404) return []
      throw error
    }
  }

  /**
   * @param {readonly OrderView[]} orders
   * @param {boolean} hasMore
   */
  function show(orders, hasMore) {
    keyed(rows, orders, {
      key: ({ orderId }) => orderId,
      create: ({ orderId }) => createRow(orderId, () => void showOrder(api, orderId)),
      update: updateRow,
    })
    const isSearch = text.value.trim() !== '' || status.value !== ''
    setText(empty, isSearch ? 'No order is like this.' : 'Orders appear here once they are stored.')
    empty.hidden = orders.length > 0
    more.hidden = !hasMore
  }

  more.addEventListener('click', () => {
    shown = NEWEST
    onMore()
  })
  return { refresh }
}

/**
 * @param {string} orderId
 * @param {() => void} open
 */
function createRow(orderId, open) {
  const opener = el('button', { class: 'link', type: 'button', title: orderId, onclick: open }, toShortId(orderId))
  return el(
    'tr',
    {},
    el('th', { scope: 'row' }, opener),
    el('td'),
    el('td'),
    el('td', { class: 'number' }),
    el('td', {}, el('span', { class: 'status' })),
    el('td', { class: 'number' }),
  )
}

/**
 * @param {HTMLElement} row
 * @param {OrderView} order
 */
function updateRow(row, order) {
  const [, accepted, customer, total, status, after] = row.children
  setText(accepted, toTime(order.acceptedAt))
  setText(customer, order.customerFullName ?? 'not readable')
  setText(total, toMoney(order))
  const name = order.recovered === true ? 'recovered' : order.status
  setText(status?.firstElementChild, name)
  status?.firstElementChild?.setAttribute('data-status', name)
  setText(after, toDuration(msBetween(order.acceptedAt, order.storedAt)))
}
