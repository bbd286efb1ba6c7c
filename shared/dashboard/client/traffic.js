/**
 * Sends orders, and remembers each id that got its 202 until the product says what became of the order: the promise, seen
 * from the caller's side.
 *
 * @typedef {import('../../domain/order-view.ts').OrderView} OrderView
 * @typedef {{ accepted: number, stored: number, pending: number, dead: number, refused: number }} Tally
 */

/** So many are asked after by id, at each turn; more than that are looked for in the list of what is stored. */
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

/** @param {import('./api.js').Api} api */
export function createTraffic(api) {
  /** @type {Set<string>} */
  const pending = new Set()
  /** @type {Set<string>} */
  const promised = new Set()
  const done = { stored: 0, dead: 0, refused: 0 }

  /** @param {{ customerId?: number, idempotencyKey?: string, order?: object }} [options] */
  async function send({ customerId, idempotencyKey, order = randomOrder(customerId) } = {}) {
    try {
      const headers = idempotencyKey === undefined ? {} : { 'idempotency-key': `"${idempotencyKey}"` }
      const { orderId } = await api.send('POST', '/api/orders', order, headers)
      // The same order answered twice was accepted once.
      if (promised.has(orderId)) return
      promised.add(orderId)
      pending.add(orderId)
    } catch {
      // No 202, so nothing was promised: that is what the number says.
      done.refused += 1
    }
  }

  /** @param {OrderView} order */
  function settle({ orderId, status }) {
    if (status === 'stored' && pending.delete(orderId)) done.stored += 1
    const isDead = status === 'dead-lettered' || status === 'discarded'
    if (isDead && pending.delete(orderId)) done.dead += 1
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
    tally: () => ({ ...done, accepted: promised.size, pending: pending.size }),

    /** @param {number} perSecond @param {number} seconds */
    async sendMany(perSecond, seconds) {
      const began = performance.now()
      /** @type {Promise<void>[]} */
      const sending = []
      while (sending.length < perSecond * seconds) {
        const due = Math.min(perSecond * seconds, Math.ceil(((performance.now() - began) / 1000) * perSecond))
        while (sending.length < due) sending.push(send())
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      await Promise.all(sending)
    },

    /** @param {readonly OrderView[]} newest stored orders, which settle most without asking again */
    see: (newest) => newest.forEach(settle),

    /** Asks after those that are still open; rejects when the product cannot say. */
    async ask() {
      if (pending.size > ASKED_AT_ONCE) await askList()
      for (const orderId of [...pending].slice(0, ASKED_AT_ONCE)) {
        // To the end, so that all have their turn; what the list settled meanwhile stays settled.
        if (!pending.delete(orderId)) continue
        pending.add(orderId)
        settle(await api.get(`/api/orders/${orderId}`))
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
