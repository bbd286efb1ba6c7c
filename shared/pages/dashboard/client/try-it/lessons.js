import { msBetween, plural, toDuration } from '../page/format.js'

/**
 * Short demonstrations of the product's guarantees. All lessons but the first break something. Each lesson explains
 * what happens as it happens, and ends with everything repaired.
 *
 * @typedef {import('../../../../domain/order-view.ts').OrderView} OrderView
 * @typedef {import('../../../../domain/changes/change-view.ts').ChangeView} ChangeView
 * @typedef {import('../../../../application/operations/status.ts').PipelineStatus} PipelineStatus
 * @typedef {{
 *   tell: (text: string) => void,
 *   pause: (ms: number) => Promise<void>,
 *   until: (isSo: () => Promise<boolean>) => Promise<void>,
 *   send: (perSecond: number, seconds: number) => Promise<string[]>,
 *   sendFor: (customerId: number) => Promise<string>,
 *   openOf: (ids: readonly string[]) => number,
 *   breakOnPurpose: (change: { store?: string, throwForCustomers?: number[] }) => Promise<void>,
 *   status: () => Promise<PipelineStatus>,
 *   order: (id: string) => Promise<OrderView>,
 *   cancel: (id: string, reason: string) => Promise<ChangeView>,
 *   change: (change: ChangeView) => Promise<ChangeView>,
 *   redriveOrder: (id: string) => Promise<void>,
 * }} Stage the actions of a lesson; all of them reject when the lesson is stopped
 */

/** Our code can be made to throw for this customer's orders. */
const CUSTOMER_OF_THE_BUG = 13

/** @type {Record<string, (stage: Stage) => Promise<void>>} by the id of the button that plays it */
export const LESSONS = {
  async 'play-eventual'({ tell, send, until, openOf, order }) {
    tell(
      'Orders come in, fifty a second. Each request gets its 202 when its order is on disk in the log, without waiting for the store.',
    )
    const ids = await send(50, 5)
    await until(async () => openOf(ids) === 0)
    const last = await order(ids.at(-1) ?? '')
    const pace = msBetween(last.acceptedAt, last.storedAt)
    tell(
      `All ${ids.length} are stored, the last one ${toDuration(pace)} after it was accepted. Lists do not show an order ` +
        'until it is stored: this is eventual consistency. Until then, GET by its id returns “accepted”, never a 404.',
    )
  },

  async 'play-outage'({ tell, send, pause, until, openOf, breakOnPurpose, status }) {
    const deadBefore = (await status()).parked.dead
    await breakOnPurpose({ store: 'down' })
    tell('The store is down. Orders still come in, fifty a second, because intake needs only the log.')
    const ids = await send(50, 6)
    const { orders } = await status()
    tell(
      `${plural(orders.lag, 'order waits', 'orders wait')} in the log, each with its 202. The processor holds its place: nothing is ` +
        'retried elsewhere and nothing is dead-lettered, because the orders are not at fault.',
    )
    await pause(4000)
    await breakOnPurpose({ store: 'ok' })
    tell('The store is back. The processor checks every few seconds, and now stores the waiting orders in batches.')
    await until(async () => openOf(ids) === 0)
    const died = (await status()).parked.dead - deadBefore
    tell(`All ${ids.length} are stored, ${died === 0 ? 'none' : died} dead-lettered. Look at the ledger: it balances.`)
  },

  async 'play-retry'({ tell, send, sendFor, until, openOf, breakOnPurpose, status, order, redriveOrder }) {
    await breakOnPurpose({ throwForCustomers: [CUSTOMER_OF_THE_BUG] })
    tell('Our code now has a bug: it throws for one customer. Her order arrives among twenty others.')
    const [bad, good] = await Promise.all([sendFor(CUSTOMER_OF_THE_BUG), send(20, 1)])
    await until(async () => openOf(good) === 0)
    tell('The other twenty are stored: one bad order does not hold up the rest.')
    const { retries } = await status()
    let told = 0
    await until(async () => {
      const { status: now, attempt = 0 } = await order(bad)
      if (now === 'retrying' && attempt > told) {
        told = attempt
        const after = toDuration(retries[attempt - 1]?.delayMs)
        tell(
          `Attempt ${attempt} failed. The order waits in retry topic ${attempt} and delays no other order. The next attempt is in ${after}.`,
        )
      }
      return now === 'dead-lettered'
    })
    tell('The retries are used up. The order is a dead letter now, kept byte for byte with its cause.')
    await breakOnPurpose({ throwForCustomers: [] })
    tell('Now the bug is fixed. A redrive sends the original back to where it came from.')
    await redriveOrder(bad)
    await until(async () => (await order(bad)).status === 'stored')
    tell('The order is stored and shown as “recovered”. Open it in the list of orders: its timeline shows every step.')
  },

  async 'play-change'({ tell, send, sendFor, until, openOf, breakOnPurpose, order, cancel, change, redriveOrder }) {
    await breakOnPurpose({ throwForCustomers: [CUSTOMER_OF_THE_BUG] })
    tell('Our code has the same bug again: one customer’s order fails.')
    const id = await sendFor(CUSTOMER_OF_THE_BUG)
    await until(async () => (await order(id)).status !== 'accepted')
    const failed = await order(id)
    const where =
      failed.status === 'retrying' ? `Attempt ${failed.attempt} failed, and the order is being retried` : 'It failed'
    tell(`${where}. Meanwhile she changes her mind and cancels it: 202, because the cancellation is safe in the log.`)
    const cancellation = await cancel(id, 'A change of mind')
    await until(async () => (await change(cancellation)).status === 'waiting')
    const { behind } = await change(cancellation)
    tell(
      `The cancellation has reached the store and waits there, because its order is still ${behind?.status ?? 'on its way'}. ` +
        'It does not overtake the order or use up an attempt.',
    )
    const others = await send(20, 2)
    await until(async () => openOf(others) === 0)
    tell(`${others.length} other orders came in after it, and all of them are stored: only this one order waits.`)
    await breakOnPurpose({ throwForCustomers: [] })
    tell('Now the bug is fixed.')
    let isRedriven = false
    await until(async () => {
      const { status: now } = await order(id)
      if (now === 'dead-lettered' && !isRedriven) {
        isRedriven = true
        tell('The retries were used up before that, so a redrive sends the order again.')
        await redriveOrder(id)
      }
      return now === 'cancelled'
    })
    const { version } = await change(cancellation)
    tell(
      `The order was stored as version 1, and its cancellation took effect right afterwards, as version ${version}: in the ` +
        'order in which they were accepted. Open the order in the list of orders: its timeline shows every step.',
    )
  },
}
