import { OrderError } from '../../domain/errors.ts'
import { sourcesOf, type Topics } from '../../messaging/topics.ts'
import type { EventLog } from '../../ports/event-log.ts'
import type { Forgetting, Held } from '../../ports/forgetting.ts'
import type { OrderViews } from '../../ports/order-views.ts'
import type { Act } from '../../ports/redrives.ts'
import { formerRetriesOf } from '../log/former-retries.ts'
import type { ForgottenHere } from './forgotten-here.ts'
import { recordsOfCustomer } from './records-of-customer.ts'
import { remainsOf, summaryOf, type Forgotten, type TopicRecords } from './forgotten.ts'

export interface ForgetCustomer {
  preview(customerId: number): Promise<Forgotten>
  /**
   * Removes the customer's personal data from the store, and then from the log if the log can redact records. The store
   * comes first, so that no record that is stored later brings the data back. Resolves when everything is done. After a
   * failure, the same call completes the work.
   *
   * Forgetting may take longer than a gateway waits, so operators repeat the request to see how it ends: a repeat by the
   * same operator for the same reason starts nothing and has the outcome of the call that is running. Any other call
   * rejects with `conflict` meanwhile, because it may be about later orders, and so does a call while a rebuild runs.
   */
  forget(customerId: number, act: Act): Promise<Forgotten>
}

export function createForgetCustomer(dependencies: {
  log: Pick<EventLog, 'read' | 'offsets' | 'retention' | 'redaction'>
  views: Pick<OrderViews, 'getMany'>
  forgetting: Forgetting
  forgottenHere: ForgottenHere
  topics: Topics
}): ForgetCustomer {
  const { log, views, forgetting, forgottenHere, topics } = dependencies
  let running: { readonly request: string; readonly outcome: Promise<Forgotten> } | undefined

  /**
   * An order precedes its changes in this list. Includes topics that are no longer configured. A log that can redact
   * records lists its topics itself, so not even those of an earlier ORDERS_TOPIC are left out.
   */
  async function topicsToRead(): Promise<readonly string[]> {
    if (log.redaction !== undefined) return log.redaction.topics()
    return [...sourcesOf(topics), ...(await formerRetriesOf(log, topics))].map(({ topic }) => topic)
  }

  async function forget(customerId: number, act: Act): Promise<Forgotten> {
    const held = await forgetting.forget(customerId, act)
    const orderIds = new Set(held.orderIds)
    forgottenHere.add(customerId, Date.parse(act.at))
    forgottenHere.addOrders(orderIds)
    const { redaction } = log
    // After this call, the log has every record whose publishing began before the call. Records that are parked from
    // now on contain none of the customer's personal data.
    await redaction?.settled()
    const found = createFigures()
    for await (const part of recordsOfCustomer({ log, views }, await topicsToRead(), customerId, orderIds)) {
      const { topic, partition, values } = part
      if (values.size > 0) await redaction?.replace(topic, partition, values)
      found.add(part)
    }
    const known = new Set(held.orderIds)
    const onlyInLog = [...orderIds].filter((orderId) => !known.has(orderId))
    forgottenHere.addOrders(onlyInLog)
    if (onlyInLog.length > 0) await forgetting.forgetOrders(onlyInLog)
    await forgetting.purge()
    await redaction?.purge()
    return report(customerId, held, found, false)
  }

  async function report(customerId: number, held: Held, found: Figures, dryRun: boolean): Promise<Forgotten> {
    const { orderIds: _, ...store } = held
    const redacts = log.redaction !== undefined
    const inTopics = await Promise.all(found.topics().map((topic) => withEnd(topic, redacts)))
    const records = inTopics.reduce((total, topic) => total + topic.records, 0)
    const inLog = { records, redacts, topics: inTopics }
    return {
      dryRun,
      customerId,
      summary: summaryOf({ dryRun, customerId, store, log: inLog }),
      store,
      log: inLog,
      remains: remainsOf(inLog, found.unreadable(), store, forgetting.remains),
    }
  }

  async function withEnd({ topic, records, newest }: Figure, redacts: boolean): Promise<TopicRecords> {
    if (redacts) return { topic, records, until: null, forEver: false }
    const { maxAgeMs, maxBytes } = await log.retention(topic)
    const until = maxAgeMs === null ? null : new Date(newest + maxAgeMs).toISOString()
    return { topic, records, until, forEver: maxAgeMs === null && maxBytes === null }
  }

  return {
    async preview(customerId) {
      const held = await forgetting.held(customerId)
      const found = createFigures()
      const orderIds = new Set(held.orderIds)
      const read = recordsOfCustomer({ log, views }, await topicsToRead(), customerId, orderIds)
      for await (const part of read) found.add(part)
      return report(customerId, held, found, true)
    },
    async forget(customerId, act) {
      const request = JSON.stringify([customerId, act.operator, act.reason])
      if (running !== undefined && running.request !== request)
        throw new OrderError('conflict', 'A customer is already being forgotten. Try again in a moment.')
      running ??= { request, outcome: forget(customerId, act).finally(() => (running = undefined)) }
      return running.outcome
    },
  }
}

interface Figure {
  readonly topic: string
  readonly records: number
  readonly newest: number
}

type Figures = ReturnType<typeof createFigures>

/** Counts the records by topic. */
function createFigures() {
  const byTopic = new Map<string, Figure>()
  let unreadable = 0
  return {
    add(part: { topic: string; values: ReadonlyMap<number, unknown>; newest: number; unreadable: number }): void {
      unreadable += part.unreadable
      if (part.values.size === 0) return
      const { topic } = part
      const before = byTopic.get(topic) ?? { records: 0, newest: part.newest }
      const records = before.records + part.values.size
      byTopic.set(topic, { topic, records, newest: Math.max(before.newest, part.newest) })
    },
    topics: (): readonly Figure[] => [...byTopic.values()],
    unreadable: () => unreadable,
  }
}
