import kafkajs from 'kafkajs'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { DAY_MS } from '../../../shared/domain/times.ts'
import { createTopics, topicSpecs } from '../../../shared/messaging/topics.ts'
import { brokerForTests } from '../../support/kafka/broker-for-tests.ts'
import { openKafkaLog, skipsKafka } from '../../support/kafka/kafka-broker.ts'

const { ConfigResourceTypes, ConfigSource, Kafka, logLevel } = kafkajs

/** Default settings of a broker that delete records by age, by size and by compaction. */
const FORGETS = { 'log.retention.ms': '60000', 'log.retention.bytes': '100000', 'log.cleanup.policy': 'compact,delete' }
const SPECS = topicSpecs(createTopics('orders', 'order-processor', [1000]), 1, 1)
const ORDERS = SPECS.slice(0, 1)

describe.skipIf(skipsKafka)('on a broker whose topics forget', () => {
  const broker = brokerForTests({ properties: FORGETS })

  /** The settings of the topic itself, without those that it inherits. */
  async function ownSettings(topic: string): Promise<Record<string, string>> {
    const admin = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    onTestFinished(() => admin.disconnect())
    const asked = { type: ConfigResourceTypes.TOPIC, name: topic }
    const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [asked] })
    const own = resources[0]?.configEntries.filter(({ configSource }) => configSource === ConfigSource.TOPIC_CONFIG)
    return Object.fromEntries((own ?? []).map(({ configName, configValue }) => [configName, configValue]))
  }

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
      `retention.ms is 60000 (inherited from the broker), not -1, for ${names}: records leave the log after 60 s, whether they were processed or not. \`npm run ops -- migrate\` sets it to LOG_RETENTION.`,
      `retention.bytes is 100000 (inherited from the broker), not -1, for ${names}: a partition keeps about 100000 bytes, and its oldest records leave it, whether they were processed or not. It is left unchanged.`,
      `cleanup.policy is compact,delete (inherited from the broker), not delete, for ${names}: a record leaves the log when a later one has its key, and the offset that is left looks like a transaction marker. It is left unchanged.`,
    ]
    expect(warnings.slice(0, 3)).toEqual(told)
    const time = expect.stringMatching(/^message.timestamp.type is CreateTime/)
    expect(await log.settingWarnings(asked)).toEqual([...told, time])
  })

  it('a topic that keeps records for too long is named, because personal data stay with them', async () => {
    const { log } = open()
    const [orders] = ORDERS
    const forEver = { ...orders!, name: 'for-ever' }
    await log.ensureTopics([forEver])
    const asked = { ...forEver, config: { 'retention.ms': String(90 * DAY_MS) } }
    expect(await log.settingWarnings([asked])).toEqual([
      'retention.ms is -1, not 7776000000, for for-ever: records stay in the log forever instead of 90 days, and so do the personal data in them. `npm run ops -- migrate` sets it to LOG_RETENTION.',
    ])
  })

  it('a migration changes the retention of topics where it differs, and no other setting', async () => {
    const { log } = open()
    const others = { 'segment.ms': '3600000', 'max.message.bytes': '2000000', 'cleanup.policy': 'delete' }
    const topics = [
      { ...ORDERS[0]!, name: 'altered', config: { ...others, 'retention.ms': '-1' } },
      { ...ORDERS[0]!, name: 'altered-inherited', config: others },
      { ...ORDERS[0]!, name: 'unaltered', config: { ...others, 'retention.ms': '129600000' } },
    ]
    await log.ensureTopics(topics)
    const asked = topics.map((spec) => ({ ...spec, config: { 'retention.ms': '129600000' } }))
    const change = { setting: 'retention.ms', after: '129600000' }
    expect(await log.alterRetention(asked)).toEqual([
      { ...change, topic: 'altered', before: '-1' },
      { ...change, topic: 'altered-inherited', before: '60000' },
    ])
    for (const { name } of topics)
      await vi.waitFor(async () => expect(await ownSettings(name)).toEqual({ ...others, 'retention.ms': '129600000' }))
    expect(await log.alterRetention(asked)).toEqual([])
  })

  it('a refused migration names the topic', async () => {
    const { log } = open()
    const [orders] = ORDERS
    await log.ensureTopics([{ ...orders!, name: 'refused' }])
    const asked = { ...orders!, name: 'refused', config: { 'retention.ms': '-2' } }
    await expect(log.alterRetention([asked])).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(/^Kafka refuses to change retention\.ms of refused: .*-2/),
    })
  })

  it('topics that we create keep everything', async () => {
    const { log, warnings } = open()
    await log.ensureTopics(SPECS)
    expect(warnings).toEqual([expect.stringContaining('If a disk fails')])
    expect(await log.settingWarnings(SPECS)).toEqual([])
  })
})
