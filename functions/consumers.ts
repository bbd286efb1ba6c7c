import { OrderError } from '../shared/domain/errors.ts'
import { topicsOf } from '../shared/services.ts'
import { kafkaTrigger } from '../shared/triggers.ts'

const { orders, group, retries, deadLetters, deadLetterGroup } = topicsOf()

/** Stores the records of the orders topic in batches. A record that cannot be stored is parked. */
kafkaTrigger('consumeOrders', { topic: orders, group }, ({ storeOrders }) => storeOrders)

/**
 * One function for each retry tier (consumeRetry1, consumeRetry2, …), so that waiting in one tier does not delay the
 * others.
 */
for (const { tier, topic, group } of retries) {
  kafkaTrigger(`consumeRetry${tier}`, { topic, group }, ({ storeRetries }) => {
    const storeTier = storeRetries[tier - 1]
    if (storeTier === undefined) throw new OrderError('internal', `There is no retry tier ${tier}.`)
    return storeTier
  })
}

/** Stores every record of the dead-letter topic, so that operators can view and repair it. */
kafkaTrigger(
  'consumeDeadLetters',
  { topic: deadLetters, group: deadLetterGroup },
  ({ keepDeadLetters }) => keepDeadLetters,
)
