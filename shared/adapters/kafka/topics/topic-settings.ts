import kafkajs, { type Admin } from 'kafkajs'
import type { TopicSpec } from '../../../ports/event-log.ts'
import { boundsTimes, TIMESTAMP_TYPE } from './topic-times.ts'

/** The value of a topic's setting that is in force. */
export interface TopicSetting {
  readonly value: string
  /** Not set for the topic, but for the broker or by Kafka's default. */
  readonly isInherited: boolean
}

export type TopicSettings = ReadonlyMap<string, TopicSetting>

const DAY_MS = 86_400_000

/**
 * The consequence for orders when a setting differs, by the setting's name in Kafka. A setting without an entry is reported
 * without a consequence.
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
    // Node finds these names only on kafkajs's default export.
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

/** A sentence for each setting that differs: its topics, and what that means for orders. */
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
