import { OrderError } from '../../domain/errors.ts'
import { sourcesOf, type Topics } from '../../messaging/topics.ts'
import type { EventLog, TopicChange, TopicRetention, TopicSpec } from '../../ports/event-log.ts'
import type { Maintenance, Schema } from '../../ports/maintenance.ts'
import type { FirstUncounted } from '../ledger/first-uncounted.ts'
import { createLifeInLog } from '../log/life-in-log.ts'

export interface Migrated extends Schema {
  /** The settings of existing topics that this call changed. */
  readonly topics: readonly TopicChange[]
}

export type Migrate = () => Promise<Migrated>

/**
 * Migrates the store's schema to the current version, then sets the retention of existing topics to LOG_RETENTION.
 * Rejects with `conflict` if a shorter retention would delete records that are still waiting.
 */
export function createMigrate(dependencies: {
  log: Pick<EventLog, 'alterRetention' | 'offsets' | 'committed' | 'read' | 'retention'>
  maintenance: Pick<Maintenance, 'migrate'>
  firstUncounted: FirstUncounted
  topics: Topics
  specs: readonly TopicSpec[]
  /** Null if records are kept forever. */
  retentionMs: number | null
  now: () => number
}): Migrate {
  const { log, maintenance, firstUncounted, topics, specs, retentionMs, now } = dependencies
  const wanted: TopicRetention = { maxAgeMs: retentionMs, maxBytes: null, holesAreMarkers: true }
  const lifeThen = createLifeInLog({ log: { ...log, retention: async () => wanted }, firstUncounted, now })

  /** The positions of waiting records that the new retention period would remove from the log immediately. */
  async function endangered(): Promise<readonly string[]> {
    const found = await Promise.all(
      sourcesOf(topics).map(async ({ topic, group }) => {
        const { maxAgeMs } = await log.retention(topic)
        if (retentionMs === null || (maxAgeMs !== null && maxAgeMs <= retentionMs)) return []
        const life = await lifeThen(topic, group)
        return life !== undefined && life.used >= 1 ? [`${topic} ${life.partition}:${life.offset}`] : []
      }),
    )
    return found.flat()
  }

  return async function migrate() {
    const schema = await maintenance.migrate()
    const lost = await endangered()
    if (lost.length > 0) {
      throw new OrderError(
        'conflict',
        `The topics keep their retention, because waiting records are older than LOG_RETENTION and would be lost: ${lost.join(', ')}. Start the consumer, and migrate again once no record that old is waiting.`,
      )
    }
    return { ...schema, topics: await log.alterRetention(specs) }
  }
}
