import Registry from 'prom-client/lib/registry.js'
import type { LedgerVerdict } from '../../application/ledger/ledger.ts'
import type { RecordsKept } from '../../application/log/expire-records.ts'
import type { LifeInLog } from '../../application/log/life-in-log.ts'
import type { CheckReadiness } from '../../application/operations/readiness.ts'
import type { PipelineEmitter } from '../../messaging/pipeline-events.ts'
import type { Topics } from '../../messaging/topics.ts'
import type { EventLog } from '../../ports/event-log.ts'
import { createLogFigures } from './log-figures.ts'
import { countPipeline } from './pipeline-metrics.ts'
import { remember } from './remembered.ts'
import { createScrapeGauges } from './scrape-gauges.ts'

/** The metrics in Prometheus's text format. */
export interface Metrics {
  readonly contentType: string
  /** Never rejects: unavailable figures are omitted. Takes at most three seconds. */
  scrape(): Promise<string>
}

/** Limits the load on the log and the store when scrapes are frequent. */
const FIGURES_MAX_AGE_MS = 1000
const VERDICT_MAX_AGE_MS = 60_000
/** Well below the ten seconds that Prometheus waits by default. */
const LIMIT_MS = 3000

/**
 * Counts this process's events from now on. A scrape reads the other figures from the log, the store and the ledger.
 * Memory, the event loop and garbage collection are not measured before the first scrape, because measuring them costs
 * time.
 */
export function createMetrics(dependencies: {
  events: PipelineEmitter
  topics: Topics
  log: Pick<EventLog, 'offsets' | 'committed' | 'read'>
  checkReadiness: CheckReadiness
  ledgerVerdict: () => Promise<LedgerVerdict>
  lifeInLog: (topic: string, groupId: string) => Promise<LifeInLog | undefined>
  /** Records that stay in the log although they are older than LOG_RETENTION. */
  recordsKept: () => readonly RecordsKept[]
  now: () => number
  /** Called if a figure could not be read. */
  onError: (error: unknown) => void
}): Metrics {
  const { events, topics, log, checkReadiness, ledgerVerdict, lifeInLog, recordsKept, now, onError } = dependencies
  const registry = new Registry()
  countPipeline(events, registry)
  const setGauges = createScrapeGauges(registry, topics)
  const kept = { limitMs: LIMIT_MS, now, onError }
  const figures = remember(createLogFigures({ log, topics, lifeInLog, now }), { ...kept, maxAgeMs: FIGURES_MAX_AGE_MS })
  const readiness = remember(checkReadiness, { ...kept, maxAgeMs: FIGURES_MAX_AGE_MS })
  const verdict = remember(ledgerVerdict, { ...kept, maxAgeMs: VERDICT_MAX_AGE_MS })
  let measuring: Promise<void> | undefined

  /** Loads the module only now, because that takes 20 ms and 10 MB. If loading fails, the next scrape tries again. */
  async function measureProcess(): Promise<void> {
    try {
      const { default: collectDefaultMetrics } = await import('prom-client/lib/defaultMetrics.js')
      collectDefaultMetrics({ register: registry })
    } catch (error) {
      measuring = undefined
      onError(error)
    }
  }

  return {
    contentType: registry.contentType,
    async scrape() {
      await (measuring ??= measureProcess())
      const [topicFigures, readinessNow, verdictNow] = await Promise.all([figures(), readiness(), verdict()])
      setGauges({
        topics: topicFigures,
        readiness: readinessNow,
        verdict: verdictNow,
        recordsKept: recordsKept(),
        now: now(),
      })
      return registry.metrics()
    },
  }
}
