import { byId, el, keyed, setText } from '../page/dom.js'
import { linkTo, readAddress } from '../page/address.js'
import { RefusedError } from '../page/api.js'
import { wordsOf } from '../details/details.js'
import { msBetween, toDuration, toMoney, toShortId, toTimeOfRow, zoneName } from '../page/format.js'
import { createOrderFilter } from './order-filter.js'

/**
 * The newest orders, or a page of the orders that match the filter. The URL stores the filter and the page.
 *
 * @typedef {import('../../../../domain/order-view.ts').OrderView} OrderView
 * @typedef {{ items: OrderView[], nextCursor: string | null }} Page
 */

/** The page size. The pages polled over a few seconds contain enough orders for a p99. */
const NEWEST = 100
const SHOWN = 12
const ORDER_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * @param {import('../page/api.js').Api} api
 * @param {{ onNewest: (orders: readonly OrderView[]) => void, onMore: () => void }} listeners `onNewest` receives the
 *   newest stored orders at every refresh
 */
export function createOrders(api, { onNewest, onMore }) {
  const filter = createOrderFilter(onMore)
  const rows = byId('orders')
  const empty = byId('orders-empty')
  const fault = byId('orders-fault')
  const more = byId('orders-more', HTMLButtonElement)
  const newer = byId('orders-newest', HTMLAnchorElement)
  const older = byId('orders-older', HTMLAnchorElement)
  let asked = 0
  let shown = SHOWN

  async function refresh() {
    const turn = (asked += 1)
    const newest = /** @type {Page} */ (await api.get(`/api/orders?limit=${NEWEST}`))
    onNewest(newest.items)
    const query = filter.query()
    const { cursor } = readAddress()
    const isNewest = Object.keys(query).length === 0 && cursor === undefined
    const found = isNewest ? newest : await find(query, cursor)
    if (turn === asked) show(found, isNewest, cursor !== undefined)
  }

  /**
   * Shows a refusal in place of the list, for example if the cursor belongs to another list.
   *
   * @param {Record<string, string>} query
   * @param {string | undefined} cursor
   * @returns {Promise<Page>}
   */
  async function find(query, cursor) {
    const { q, ...others } = query
    try {
      setText(fault, '')
      if (q !== undefined && ORDER_ID.test(q)) return { items: [await api.get(`/api/orders/${q}`)], nextCursor: null }
      // A search by words alone is ranked, best match first; with other filters, the newest orders come first.
      const isSearch = q !== undefined && Object.keys(others).length === 0
      const parameters = new URLSearchParams({
        limit: String(NEWEST),
        ...query,
        ...(cursor !== undefined && { cursor }),
      })
      return await api.get(`/api/orders${isSearch ? '/search' : ''}?${parameters}`)
    } catch (error) {
      if (!(error instanceof RefusedError) || error.status === 401) throw error
      if (error.status !== 404) setText(fault, wordsOf(error))
      return { items: [], nextCursor: null }
    }
  }

  /**
   * @param {Page} page
   * @param {boolean} isNewest
   * @param {boolean} isLater whether other pages come before this one
   */
  function show({ items, nextCursor }, isNewest, isLater) {
    const limit = isLater ? NEWEST : shown
    keyed(rows, items.slice(0, limit), {
      key: ({ orderId }) => orderId,
      create: ({ orderId }) => createRow(orderId),
      update: updateRow,
    })
    setText(empty, isNewest ? 'Orders appear here once they are stored.' : 'No order matches.')
    empty.hidden = items.length > 0 || fault.textContent !== ''
    const isCut = items.length > limit
    more.hidden = !isCut
    setText(more, nextCursor === null ? `Show all ${items.length}` : `Show ${items.length}`)
    older.hidden = isCut || nextCursor === null
    older.href = linkTo({ cursor: nextCursor ?? '' })
    newer.hidden = !isLater
    newer.href = linkTo({ cursor: '' })
  }

  more.addEventListener('click', () => {
    shown = NEWEST
    onMore()
  })
  return { refresh }
}

/** @param {string} orderId */
function createRow(orderId) {
  const opener = el('a', { class: 'link', title: orderId }, toShortId(orderId))
  return el(
    'tr',
    {},
    el('th', { scope: 'row' }, opener),
    el('td', { class: 'accepted' }, el('span'), ' ', el('span', { class: 'zone' })),
    el('td', { class: 'customer' }),
    el('td', { class: 'number total' }),
    el('td', { class: 'standing' }, el('span', { class: 'status' })),
    el('td', { class: 'number after' }),
  )
}

/**
 * @param {HTMLElement} row
 * @param {OrderView} order
 */
function updateRow(row, order) {
  const [id, accepted, customer, total, status, after] = row.children
  id?.firstElementChild?.setAttribute('href', linkTo({ order: order.orderId }))
  setText(accepted?.firstElementChild, toTimeOfRow(order.acceptedAt))
  setText(accepted?.lastElementChild, zoneName(order.acceptedAt))
  setText(customer, order.customerFullName ?? (order.forgotten === true ? 'forgotten' : 'not readable'))
  setText(total, toMoney(order))
  const name = order.recovered === true && order.status === 'stored' ? 'recovered' : order.status
  setText(status?.firstElementChild, name)
  status?.firstElementChild?.setAttribute('data-status', name)
  setText(after, toDuration(msBetween(order.acceptedAt, order.storedAt)))
}
