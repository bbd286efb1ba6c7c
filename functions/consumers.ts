import { app } from '@azure/functions'
import { topicsOf } from '../shared/services.ts'
import { OrderError } from '../shared/domain/errors.ts'
import { kafkaTrigger } from '../shared/triggers.ts'

const { orders, group, retries, deadLetters, deadLetterGroup } = topicsOf()

/** Stores what arrives in the orders topic, a batch at a time. What cannot be stored is parked. */
app.generic(
  'consumeOrders',
  kafkaTrigger({ topic: orders, group }, ({ storeOrders }) => storeOrders),
)

/** One function for each retry tier, so that waiting in one delays no other: consumeRetry1, consumeRetry2, … */
for (const { tier, topic, group } of retries) {
  const trigger = kafkaTrigger({ topic, group }, ({ storeRetries }) => {
    const storeTier = storeRetries[tier - 1]
    if (storeTier === undefined) throw new OrderError('internal', `There is no retry tier ${tier}.`)
    return storeTier
  })
  app.generic(`consumeRetry${tier}`, trigger)
}

/** Keeps what arrives in the dead-letter topic, whatever it is, where operators can see and repair it. */
app.generic(
  'consumeDeadLetters',
  kafkaTrigger({ topic: deadLetters, group: deadLetterGroup }, ({ keepDeadLetters }) => keepDeadLetters),
)
