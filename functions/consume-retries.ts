import { app } from '@azure/functions'
import { OrderError } from '../shared/domain/errors.ts'
import { topicsOf } from '../shared/composition-root.ts'
import { kafkaTrigger } from '../shared/triggers.ts'

/** One function for each retry tier, so that waiting in one delays no other: consumeRetry1, consumeRetry2, … */
for (const { tier, topic, group } of topicsOf().retries) {
  const trigger = kafkaTrigger({ topic, group }, ({ storeRetries }) => {
    const storeTier = storeRetries[tier - 1]
    if (storeTier === undefined) throw new OrderError('internal', `There is no retry tier ${tier}.`)
    return storeTier
  })
  app.generic(`consumeRetry${tier}`, trigger)
}
