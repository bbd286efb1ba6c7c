import { describe } from 'vitest'
import { openKafkaLog, skipsKafka, startTestBroker } from '../../support/kafka/kafka-broker.ts'
import { eventLogContract } from './event-log.contract.ts'
import { logConsumerContract } from './log-consumer.contract.ts'

const FEATURES = { denseOffsets: false, survivesRestart: true }

describe.skipIf(skipsKafka)('on a real broker', () => {
  eventLogContract('Kafka', openContractLog, FEATURES)
  logConsumerContract('Kafka', openContractLog, FEATURES)
})

async function openContractLog() {
  const broker = await startTestBroker({ properties: { 'message.max.bytes': '2500000' } })
  let { log } = openKafkaLog([broker.address])
  return {
    log,
    async restart() {
      await log[Symbol.asyncDispose]()
      log = openKafkaLog([broker.address]).log
      return log
    },
    async [Symbol.asyncDispose]() {
      await log[Symbol.asyncDispose]()
      await broker[Symbol.asyncDispose]()
    },
  }
}
