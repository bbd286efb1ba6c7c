import kafkajs from 'kafkajs'
import { DAY_MS, durationInWords } from '../../../domain/times.ts'
import type { TimestampType, TopicSpec } from '../../../ports/event-log.ts'
import type { AdminClient } from '../client/admin.ts'

/** The effective value of a topic's setting. */
export interface TopicSetting {
  readonly value: string
  /** Whether the value comes from the broker or from Kafka's defaults, and not from the topic. */
  readonly isInherited: boolean
}

export type TopicSettings = ReadonlyMap<string, TopicSetting>

/** The age at which records leave the topic, in ms; -1 for never. */
export const RETENTION = 'retention.ms'
/** The setting that determines whether records have their producer's timestamp or the broker's. */
const TIMESTAMP_TYPE = 'message.timestamp.type'

/**
 * The Kafka extension converts a record's timestamp to .NET's DateTime, which ends with the year 9999. If the
 * conversion fails, the trigger stops. A timestamp at most this far from the broker's clock can always be converted.
 */
const MAX_DISTANCE_MS = 1000 * 365.25 * DAY_MS

/**
 * The consequence for orders if a topic's setting differs from ours, keyed by the name of the setting. For any other
 * setting, the difference is reported without a consequence.
 */
const CONSEQUENCES: Readonly<Record<string, (value: string, wanted: string) => string>> = {
  [RETENTION]: (value, wanted) =>
    ageOf(value) < ageOf(wanted)
      ? `records leave the log after ${durationInWords(ageOf(value))}, whether they were processed or not`
      : `records stay in the log ${ageOf(value) === Infinity ? 'forever' : `for ${durationInWords(ageOf(value))}`} instead of ${durationInWords(ageOf(wanted))}, and so do the personal data in them`,
  'retention.bytes': (value) =>
    `a partition keeps about ${value} bytes, and its oldest records leave it, whether they were processed or not`,
  'cleanup.policy': (value) =>
    value.includes('compact')
      ? 'a record leaves the log when a later one has its key, and the offset that is left looks like a transaction marker'
      : 'records leave the log in a different way than requested',
  [TIMESTAMP_TYPE]: () =>
    'a producer can write a time that the Kafka extension cannot convert, and one such record ends the trigger (message.timestamp.before.max.ms and message.timestamp.after.max.ms are too wide)',
}

/** The settings of existing topics, including inherited ones. Rejects with `log-unavailable`. */
export async function describeSettings(
  admin: Pick<AdminClient, 'ask'>,
  names: readonly string[],
): Promise<ReadonlyMap<string, TopicSettings>> {
  // Node finds these names only on kafkajs's default export.
  const { ConfigResourceTypes, ConfigSource } = kafkajs
  const asked = names.map((name) => ({ type: ConfigResourceTypes.TOPIC, name }))
  const { resources } = await admin.ask('Asking Kafka for the settings of its topics', (kafka) =>
    kafka.describeConfigs({ includeSynonyms: false, resources: asked }),
  )
  const settingsOf = (entries: (typeof resources)[number]['configEntries']): TopicSettings =>
    new Map(
      entries.map(({ configName, configValue, configSource }) => [
        configName,
        { value: configValue, isInherited: configSource !== ConfigSource.TOPIC_CONFIG },
      ]),
    )
  return new Map(resources.map(({ resourceName, configEntries }) => [resourceName, settingsOf(configEntries)]))
}

/** One sentence for each difference: the setting, its topics and the consequence for orders. */
export function differingSettings(
  specs: readonly TopicSpec[],
  settings: ReadonlyMap<string, TopicSettings>,
): readonly string[] {
  const differing = specs.flatMap(({ name: topic, config }) =>
    Object.entries(config).flatMap(([setting, wanted]) => {
      const topicSettings = settings.get(topic)
      const found = topicSettings?.get(setting)
      if (topicSettings !== undefined && setting === TIMESTAMP_TYPE && boundsTimes(topicSettings)) return []
      return found === undefined || found.value === wanted ? [] : [{ topic, setting, wanted, ...found }]
    }),
  )
  const alike = Map.groupBy(differing, (difference) => JSON.stringify({ ...difference, topic: undefined }))
  return [...alike.values()].flatMap((group) => {
    const [first] = group
    if (first === undefined) return []
    const { setting, value, wanted, isInherited } = first
    const consequence = CONSEQUENCES[setting]?.(value, wanted)
    const topics = group.map(({ topic }) => topic).join(', ')
    const inherited = isInherited ? ' (inherited from the broker)' : ''
    const why = consequence === undefined ? '' : `: ${consequence}`
    const remedy =
      setting === RETENTION ? '`npm run ops -- migrate` sets it to LOG_RETENTION.' : 'It is left unchanged.'
    return [`${setting} is ${value}${inherited}, not ${wanted}, for ${topics}${why}. ${remedy}`]
  })
}

function ageOf(retention: string): number {
  return Number(retention) < 0 ? Infinity : Number(retention)
}

export function timestampTypeIn(settings: TopicSettings | undefined): TimestampType {
  return settings?.get(TIMESTAMP_TYPE)?.value === 'LogAppendTime' ? 'LogAppendTime' : 'CreateTime'
}

/** Whether the Kafka extension can convert the timestamp of every record that the topic accepts. */
function boundsTimes(settings: TopicSettings): boolean {
  if (timestampTypeIn(settings) === 'LogAppendTime') return true
  const [before, after] = ['before', 'after'].map((side) => limit(settings, side))
  return before !== undefined && after !== undefined && Math.max(before, after) <= MAX_DISTANCE_MS
}

/**
 * Brokers older than 3.6 have a single setting for timestamps in the past and in the future. Brokers from 3.6 on still
 * apply this setting if it was changed (KIP-937).
 */
function limit(settings: TopicSettings, side: string): number | undefined {
  const names = [`message.timestamp.${side}.max.ms`, 'message.timestamp.difference.max.ms']
  const limits = names.flatMap((name) => settings.get(name)?.value ?? []).map(Number)
  return limits.length === 0 ? undefined : Math.min(...limits)
}
