import { busyWhile, byId, setText } from '../page/dom.js'
import { say, wordsOf } from '../details/details.js'
import { plural, toCount } from '../page/format.js'
import { createStage } from './stage.js'
import { createTraffic, randomOrder } from './traffic.js'

/**
 * The panel that sends orders and injects faults. It shows the faults that the product reports, not those chosen in
 * this tab, because another tab can change them.
 *
 * @typedef {{ store: string, log: string, slowMs: number, throwForCustomers: number[] }} FaultPlan
 */

const CUSTOMER_OF_THE_BUG = 13

/**
 * @param {import('../page/api.js').Api} api
 * @param {ReturnType<typeof import('../lists/redrives.js').createRedrives>} redrives
 */
export function createTryIt(api, redrives) {
  const traffic = createTraffic(api)
  const store = byId('break-store', HTMLSelectElement)
  const log = byId('break-log', HTMLSelectElement)
  const customer = byId('break-customer', HTMLInputElement)

  /** @returns {FaultPlan} */
  function chosen() {
    return {
      store: store.value,
      log: log.value,
      slowMs: 1000,
      throwForCustomers: customer.checked ? [CUSTOMER_OF_THE_BUG] : [],
    }
  }

  /** @param {FaultPlan} plan */
  function show(plan) {
    if (store.value !== plan.store) store.value = plan.store
    if (log.value !== plan.log) log.value = plan.log
    customer.checked = plan.throwForCustomers.includes(CUSTOMER_OF_THE_BUG)
  }

  /**
   * @param {Partial<FaultPlan> & { poison?: number }} change
   * @param {import('../page/api.js').More} [more]
   */
  async function apply(change, more) {
    try {
      show(await api.send('POST', '/api/ops/faults', { ...chosen(), ...change }, more))
      return true
    } catch (error) {
      say(wordsOf(error))
      return false
    }
  }

  /** @param {import('../page/api.js').More} [more] */
  const mend = (more) => apply({ store: 'ok', log: 'ok', throwForCustomers: [] }, more)

  /** @type {Record<string, () => Promise<unknown>>} */
  const deeds = {
    'send-one': () => traffic.send(),
    'send-many': () => traffic.sendMany(100, 10),
    'send-same': sendSame,
    'send-bug': () => traffic.send({ customerId: CUSTOMER_OF_THE_BUG }),
    async 'send-poison'() {
      if (await apply({ poison: 1 })) say('The log now has a record that is not an order.')
    },
    async mend() {
      if (await mend()) say('Everything works again.')
    },
  }
  for (const [id, deed] of Object.entries(deeds)) {
    const pressed = byId(id, HTMLButtonElement)
    pressed.addEventListener('click', () => void busyWhile(pressed, async () => (await deed(), showTally())))
  }
  for (const switched of [store, log, customer]) switched.addEventListener('change', () => void apply({}))

  createStage({ api, traffic, redrives, apply, mend })

  async function sendSame() {
    const [order, idempotencyKey] = [randomOrder(), crypto.randomUUID()]
    await Promise.all(Array.from({ length: 5 }, () => traffic.send({ order, idempotencyKey })))
    say('All five responses are 202 and have the same id: there is one order.')
  }

  function showTally() {
    const tally = traffic.tally()
    for (const [name, count] of Object.entries(tally)) setText(byId(`sent-${name}`), toCount(count))
    setText(byId('sent-verdict'), verdictOn(tally))
  }

  return {
    /** @param {readonly import('./traffic.js').OrderView[]} newest */
    see(newest) {
      traffic.see(newest)
      showTally()
    },
    refresh: async () => {
      // The tally is shown even while the product is unavailable.
      showTally()
      show(/** @type {FaultPlan} */ (await api.get('/api/ops/faults')))
      await traffic.ask()
      showTally()
    },
  }
}

/** @param {import('./traffic.js').Tally} tally */
function verdictOn({ accepted, pending, dead }) {
  if (accepted === 0) return 'Nothing sent yet.'
  if (pending > 0) return `${plural(pending, 'order')} accepted and not yet stored, but safe in the log.`
  return dead === 0
    ? 'Every order that was accepted is stored. None was lost.'
    : `Every order that was accepted has its outcome: ${plural(dead, 'dead letter')} to repair, none lost.`
}
