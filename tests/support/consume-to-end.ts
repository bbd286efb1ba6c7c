import type { HandleDelivery } from '../../shared/application/processing/handle-delivery.ts'
import type { EventLog, LogConsumer } from '../../shared/ports/event-log.ts'

/** Delivers the uncommitted records of partition 0 to `handle` and commits them, as a host does. */
export async function consumeToEnd(
  log: EventLog & LogConsumer,
  topic: string,
  groupId: string,
  handle: HandleDelivery,
): Promise<void> {
  const [{ end } = { end: 0 }] = await log.offsets(topic)
  const delivered = Promise.withResolvers<void>()
  const subscription = await log.subscribe({
    groupId,
    topic,
    maxBatchSize: 500,
    async onBatch(batch) {
      await handle(batch.map((record) => ({ ...record, lossy: false })))
      if (batch.at(-1)?.offset === end - 1) delivered.resolve()
    },
    onError: delivered.reject,
  })
  await delivered.promise
  await subscription[Symbol.asyncDispose]()
}
