import type { TimestampType } from '../../../ports/event-log.ts'

type Settings = ReadonlyMap<string, { readonly value: string }>

/** The setting that decides whose time a topic's records have. */
export const TIMESTAMP_TYPE = 'message.timestamp.type'

const YEAR_MS = 365.25 * 86_400_000
/**
 * The Kafka extension converts a record's time to .NET's DateTime, which has the years 1 to 9999, and ends the trigger when
 * it cannot. A broker that refuses times further than this from its own accepts only times that can be converted.
 */
const MAX_DISTANCE_MS = 1000 * YEAR_MS

export function timestampTypeIn(settings: Settings | undefined): TimestampType {
  return settings?.get(TIMESTAMP_TYPE)?.value === 'LogAppendTime' ? 'LogAppendTime' : 'CreateTime'
}

/** Whether the topic accepts only records whose time the Kafka extension can convert. */
export function boundsTimes(settings: Settings): boolean {
  if (timestampTypeIn(settings) === 'LogAppendTime') return true
  const [before, after] = ['before', 'after'].map((side) => limit(settings, side))
  return before !== undefined && after !== undefined && Math.max(before, after) <= MAX_DISTANCE_MS
}

/** Brokers before 3.6 have one setting for both sides; later ones still apply it where it was changed (KIP-937). */
function limit(settings: Settings, side: string): number | undefined {
  const names = [`message.timestamp.${side}.max.ms`, 'message.timestamp.difference.max.ms']
  const limits = names.flatMap((name) => settings.get(name)?.value ?? []).map(Number)
  return limits.length === 0 ? undefined : Math.min(...limits)
}
