import kafkajs, { type Admin } from 'kafkajs'
import type { TopicSpec } from '../../../ports/event-log.ts'
import { boundsTimes, TIMESTAMP_TYPE } from './topic-times.ts'

/** One setting of a topic as it is in force, whoever set it. */
export interface TopicSetting {
  readonly value: string
  /** Set for the broker, or Kafka's default; not for the topic. */
  readonly isInherited: boolean
}

export type TopicSettings = ReadonlyMap<string, TopicSetting>

const DAY_MS = 86_400_000

/**
 * What it means for orders that a setting is not as we ask, by the setting's name in Kafka. A setting without a row here
 * is reported as different, without a consequence.
 */
const CONSEQUENCES: Readonly<Record<string, (value: string) => string>> = {
  'retention.ms': (value) =>
    `records leave the log after ${duration(Number(value))}, whether they were processed or not`,
  'retention.bytes': (value) =>
    `a partition keeps about ${value} bytes, and its oldest records leave it, whether they were processed or not`,
  'cleanup.policy': (value) =>
    value.includes('compact')
      ? 'a record leaves the log when a later one has its key, and the offset that is left looks like a transaction marker'
      : 'records leave the log in another way than we ask for',
  [TIMESTAMP_TYPE]: () =>
    'a producer can write a time that the Kafka extension cannot convert, and one such record ends the trigger (message.timestamp.before.max.ms and message.timestamp.after.max.ms are too wide)',
}

/** The settings of each topic, inherited ones too. */
export async function describeSettings(kafka: Admin, names: readonly string[]): Promise<Map<string, TopicSettings>> {
  const { resources } = await kafka.describeConfigs({
    includeSynonyms: false,
    // Node finds no exports of these names in kafkajs, only in the whole of it.
    resources: names.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name })),
  })
  return new Map(
    resources.map(({ resourceName, configEntries }) => [
      resourceName,
      new Map(
        configEntries.map(({ configName, configValue, configSource }) => [
          configName,
          { value: configValue, isInherited: configSource !== kafkajs.ConfigSource.TOPIC_CONFIG },
        ]),
      ),
    ]),
  )
}

/** A sentence for each setting that is not as the topics were asked for: which topics, and what it means for orders. */
export function differingSettings(
  specs: readonly TopicSpec[],
  settings: ReadonlyMap<string, TopicSettings>,
): readonly string[] {
  const differing = specs.flatMap(({ name: topic, config }) =>
    Object.entries(config).flatMap(([setting, wanted]) => {
      const of = settings.get(topic)
      const found = of?.get(setting)
      if (of !== undefined && setting === TIMESTAMP_TYPE && boundsTimes(of)) return []
      return found === undefined || found.value === wanted ? [] : [{ topic, setting, wanted, ...found }]
    }),
  )
  const alike = Map.groupBy(differing, (one) => JSON.stringify([one.setting, one.value, one.wanted, one.isInherited]))
  return [...alike.values()].flatMap((some) => {
    const [first] = some
    if (first === undefined) return []
    const { setting, value, wanted, isInherited } = first
    const consequence = CONSEQUENCES[setting]?.(value)
    const topics = some.map(({ topic }) => topic).join(', ')
    const inherited = isInherited ? ' (inherited from the broker)' : ''
    const why = consequence === undefined ? '' : `: ${consequence}`
    return [`${setting} is ${value}${inherited}, not ${wanted}, for ${topics}${why}. It is left as it is.`]
  })
}

function duration(ms: number): string {
  const [amount, unit] = ms >= DAY_MS ? [ms / DAY_MS, 'days'] : [ms / 1000, 's']
  return `${Math.round(amount * 10) / 10} ${unit}`
}
