import type { TimestampType } from '../../../ports/event-log.ts'

type Settings = ReadonlyMap<string, { readonly value: string }>

/** Which times the records of a topic may have, by the topic's settings. */
export const TIMESTAMP_TYPE = 'message.timestamp.type'

const YEAR_MS = 365.25 * 86_400_000
/**
 * The Kafka extension converts a record's time to .NET's DateTime, which has the years 1 to 9999, and ends the trigger
 * when it cannot. A broker that takes no time further from its own than this takes none that cannot be converted.
 */
const MAX_DISTANCE_MS = 1000 * YEAR_MS

export function timestampTypeIn(settings: Settings | undefined): TimestampType {
  return settings?.get(TIMESTAMP_TYPE)?.value === 'LogAppendTime' ? 'LogAppendTime' : 'CreateTime'
}

/** Whether every record that the topic takes has a time that the Kafka extension can convert. */
export function boundsTimes(settings: Settings): boolean {
  if (timestampTypeIn(settings) === 'LogAppendTime') return true
  const [before, after] = ['before', 'after'].map((side) => limit(settings, side))
  return before !== undefined && after !== undefined && Math.max(before, after) <= MAX_DISTANCE_MS
}

/** Brokers before 3.6 have one setting for both sides; later ones follow it where it was changed (KIP-937). */
function limit(settings: Settings, side: string): number | undefined {
  const names = [`message.timestamp.${side}.max.ms`, 'message.timestamp.difference.max.ms']
  const limits = names.flatMap((name) => settings.get(name)?.value ?? []).map(Number)
  return limits.length === 0 ? undefined : Math.min(...limits)
}
