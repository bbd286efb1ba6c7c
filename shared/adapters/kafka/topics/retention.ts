import type { TopicRetention } from '../../../ports/event-log.ts'
import type { AdminClient } from '../client/admin.ts'
import { isDenied } from '../client/errors.ts'
import { describeSettings, type TopicSettings } from './topic-settings.ts'

/** Settings are cached for this long, because they rarely change but every request for the ledger needs them. */
const REMEMBERED_MS = 60_000

/**
 * Creates a function that returns how long a topic keeps records. Each result is cached for a minute. If the cluster
 * refuses to show its settings, the topic is assumed to keep records for `wantedMs`; a warning at startup reports that.
 */
export function createRetention(
  admin: Pick<AdminClient, 'ask'>,
  wantedMs: number | null,
): (topic: string) => Promise<TopicRetention> {
  const assumed: TopicRetention = { maxAgeMs: wantedMs, maxBytes: null, holesAreMarkers: true }
  const known = new Map<string, { readonly at: number; readonly retention: TopicRetention }>()

  return async function retention(topic) {
    const last = known.get(topic)
    if (last !== undefined && performance.now() - last.at < REMEMBERED_MS) return last.retention
    const found = await ask(topic)
    known.set(topic, { at: performance.now(), retention: found })
    return found
  }

  async function ask(topic: string): Promise<TopicRetention> {
    try {
      const settings = await describeSettings(admin, [topic])
      return toRetention(settings.get(topic) ?? new Map())
    } catch (error) {
      if (isDenied(error)) return assumed
      throw error
    }
  }
}

function toRetention(settings: TopicSettings): TopicRetention {
  const policies = settings.get('cleanup.policy')?.value.split(',') ?? ['delete']
  // The limits have no effect on a topic whose only cleanup policy is `compact`.
  const limit = (name: string) => {
    const value = Number(settings.get(name)?.value ?? -1)
    return policies.includes('delete') && value >= 0 ? value : null
  }
  return {
    maxAgeMs: limit('retention.ms'),
    maxBytes: limit('retention.bytes'),
    holesAreMarkers: !policies.includes('compact'),
  }
}
