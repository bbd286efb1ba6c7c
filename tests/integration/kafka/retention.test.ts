import { describe, expect, it, onTestFinished } from 'vitest'
import { createTopics, topicSpecs } from '../../../shared/messaging/topics.ts'
import { brokerForTests } from '../../support/kafka/broker-for-tests.ts'
import { openKafkaLog, skipsKafka } from '../../support/kafka/kafka-broker.ts'

/** A broker whose defaults delete records in every possible way. */
const FORGETS = { 'log.retention.ms': '60000', 'log.retention.bytes': '100000', 'log.cleanup.policy': 'compact,delete' }
const SPECS = topicSpecs(createTopics('orders', 'order-processor', [1000]), 1, 1)
const ORDERS = SPECS.slice(0, 1)

describe.skipIf(skipsKafka)('on a broker whose topics forget', () => {
  const broker = brokerForTests({ properties: FORGETS })

  function open() {
    const opened = openKafkaLog([broker.address])
    onTestFinished(() => opened.log[Symbol.asyncDispose]())
    return opened
  }

  it('topics created by others are named, with the meaning of each inherited setting', async () => {
    const { log, warnings } = open()
    const others = SPECS.map((spec) => ({ ...spec, name: `other-${spec.name}`, config: {} }))
    await log.ensureTopics(others)
    warnings.length = 0
    const asked = others.map((spec) => ({ ...spec, config: ORDERS[0]!.config }))
    await log.ensureTopics(asked)
    const names = others.map(({ name }) => name).join(', ')
    const told = [
      `retention.ms is 60000 (inherited from the broker), not -1, for ${names}: records leave the log after 60 s, whether they were processed or not. It is left as it is.`,
      `retention.bytes is 100000 (inherited from the broker), not -1, for ${names}: a partition keeps about 100000 bytes, and its oldest records leave it, whether they were processed or not. It is left as it is.`,
      `cleanup.policy is compact,delete (inherited from the broker), not delete, for ${names}: a record leaves the log when a later one has its key, and the offset that is left looks like a transaction marker. It is left as it is.`,
    ]
    expect(warnings.slice(0, 3)).toEqual(told)
    const time = expect.stringMatching(/^message.timestamp.type is CreateTime/)
    expect(await log.settingWarnings(asked)).toEqual([...told, time])
  })

  it('topics that we create keep everything', async () => {
    const { log, warnings } = open()
    await log.ensureTopics(SPECS)
    expect(warnings).toEqual([expect.stringContaining('A lost disk')])
    expect(await log.settingWarnings(SPECS)).toEqual([])
  })
})
