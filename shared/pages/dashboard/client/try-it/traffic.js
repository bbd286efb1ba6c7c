/**
 * Sends orders as a caller would, and tracks each id that got a 202 until the product reports the outcome.
 *
 * @typedef {import('../../../../domain/order-view.ts').OrderView} OrderView
 * @typedef {{ accepted: number, stored: number, pending: number, dead: number, refused: number }} Tally
 */

/** The maximum number of orders fetched by id in each turn; any others are looked up in the list of stored orders. */
const ASKED_AT_ONCE = 6
const PAGES_AT_ONCE = 5
const NAMES = ['Alex', 'Robin', 'Sam', 'Kim', 'Noa', 'Charlie', 'Jules', 'Mika']
const LAST_NAMES = ['Example', 'Sample', 'Tester', 'Placeholder']
const GOODS = [
  {
    itemCode: 'TRK-2041',
    brand: 'Northfell',
    type: 'Trail running shoe',
    size: '42',
    colour: 'Graphite',
    price: 119.9,
  },
  { itemCode: 'SCK-0007', brand: 'Northfell', type: 'Merino sock', size: 'M', colour: 'Ocean blue', price: 12.5 },
  { itemCode: 'BTL-0500', brand: 'Clearwell', type: 'Steel bottle', size: '500 ml', colour: '', price: 34.75 },
]

/** @param {import('../page/api.js').Api} api */
export function createTraffic(api) {
  /** @type {Set<string>} */
  const pending = new Set()
  /** @type {Set<string>} */
  const dead = new Set()
  /** @type {Set<string>} */
  const promised = new Set()
  let refused = 0

  /**
   * @param {{ customerId?: number, idempotencyKey?: string, order?: object }} [options]
   * @returns {Promise<string | undefined>} the id, unless the order was refused
   */
  async function send({ customerId, idempotencyKey, order = randomOrder(customerId) } = {}) {
    try {
      const headers = idempotencyKey === undefined ? {} : { 'idempotency-key': `"${idempotencyKey}"` }
      const { orderId } = await api.send('POST', '/api/orders', order, { headers })
      // If two responses name the same order, it was accepted only once.
      if (!promised.has(orderId)) pending.add(orderId)
      promised.add(orderId)
      return orderId
    } catch {
      // Without a 202, nothing was promised; the order counts as refused.
      refused += 1
      return undefined
    }
  }

  /**
   * Counts the outcome of an order. A redriven dead letter eventually counts as stored.
   *
   * @param {OrderView} order
   */
  function settle({ orderId, status }) {
    if (!promised.has(orderId)) return
    const isDead = status === 'dead-lettered' || status === 'discarded'
    if (isDead) dead.add(orderId)
    const isStored = status === 'stored' || status === 'cancelled'
    if (isStored) dead.delete(orderId)
    if (isDead || isStored) pending.delete(orderId)
  }

  async function askList() {
    let path = '/api/orders?limit=200'
    for (let page = 0; page < PAGES_AT_ONCE && pending.size > 0; page += 1) {
      const { items, nextCursor } = await api.get(path)
      items.forEach(settle)
      if (nextCursor === null) return
      path = `/api/orders?limit=200&cursor=${encodeURIComponent(nextCursor)}`
    }
  }

  return {
    send,

    /** @returns {Tally} */
    tally: () => ({
      accepted: promised.size,
      stored: promised.size - pending.size - dead.size,
      pending: pending.size,
      dead: dead.size,
      refused,
    }),

    /** The number of these orders without an outcome yet. @param {readonly string[]} ids */
    openOf: (ids) => ids.filter((id) => pending.has(id)).length,

    /**
     * @param {number} perSecond
     * @param {number} seconds
     * @returns {Promise<string[]>} ids of the accepted orders
     */
    async sendMany(perSecond, seconds) {
      const began = performance.now()
      /** @type {Promise<string | undefined>[]} */
      const sending = []
      while (sending.length < perSecond * seconds) {
        const due = Math.min(perSecond * seconds, Math.ceil(((performance.now() - began) / 1000) * perSecond))
        while (sending.length < due) sending.push(send())
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      return (await Promise.all(sending)).filter((id) => id !== undefined)
    },

    /** @param {readonly OrderView[]} newest stored orders, which settle most pending ones without a request for each */
    see: (newest) => newest.forEach(settle),

    /** Looks up orders without an outcome; rejects if the product is unavailable. */
    async ask() {
      if (pending.size > ASKED_AT_ONCE) await askList()
      for (const asked of [pending, dead]) {
        for (const orderId of [...asked].slice(0, ASKED_AT_ONCE)) {
          // The order is moved to the end, so that every order gets its turn. An order that has been settled in the
          // meantime is skipped.
          if (!asked.delete(orderId)) continue
          asked.add(orderId)
          settle(await api.get(`/api/orders/${orderId}`))
        }
      }
    },
  }
}

/** @param {number} [customerId] */
export function randomOrder(customerId = 1000 + below(9000)) {
  const orderItems = Array.from({ length: 1 + below(3) }, () => ({
    ...pick(GOODS),
    quantity: 1 + below(3),
    currencyType: 'EUR',
  }))
  const cents = orderItems.reduce((total, { price, quantity }) => total + Math.round(price * 100) * quantity, 0)
  const customerName = pick(NAMES)
  return {
    customerId,
    customerName,
    customerLastName: pick(LAST_NAMES),
    customerEmail: `${customerName.toLowerCase()}@example.com`,
    shippingAddress: `${1 + below(99)} Sample Street`,
    billingAddress: '1 Sample Street',
    currencyType: 'EUR',
    totalPrice: cents / 100,
    paymentMethodType: pick(['PayPal', 'Invoice', 'CreditCard']),
    orderItems,
  }
}

/** @param {number} end */
function below(end) {
  return Math.floor(Math.random() * end)
}

/** @template T @param {readonly T[]} values @returns {T} */
function pick(values) {
  return /** @type {T} */ (values[below(values.length)])
}
