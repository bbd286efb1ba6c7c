import { setTimeout as sleep } from 'node:timers/promises'
import { openKafkaLog } from '../../support/kafka/kafka-broker.ts'
import { text } from '../../support/kafka/kafka-traffic.ts'

/** A consumer in its own process, to be killed: it prints each batch that it has processed on one line. */
const [address = '', topic = '', groupId = ''] = process.argv.slice(2)
const { log } = openKafkaLog([address], { sessionTimeoutMs: 6000 })
await log.subscribe({
  topic,
  groupId,
  maxBatchSize: 20,
  async onBatch(records) {
    await sleep(5)
    process.stdout.write(`${JSON.stringify(records.map(({ value }) => text(value)))}\n`)
  },
  onError: (error) => process.stderr.write(`${String(error)}\n`),
})
