import type { Logger } from '../logs/logger.ts'

export type CollectorWatch = ReturnType<typeof watchCollector>

/**
 * Logs once when spans are no longer accepted, and once when they are again, with the number lost. Partly rejected exports
 * are logged only once in all, because a collector that rejects a span of every export would fill the log.
 */
export function watchCollector(logger: Logger) {
  let lostSpans = 0
  let hasToldOfRejected = false
  return {
    taken(): void {
      if (lostSpans > 0) logger.warn({ event: 'traces:back', lost: lostSpans }, 'traces are accepted again')
      lostSpans = 0
    },
    lost(spans: number, error: unknown): void {
      if (lostSpans === 0)
        logger.warn({ event: 'traces:away', err: error }, 'no collector accepts traces; they are lost')
      lostSpans += spans
    },
    /** The collector accepted the export, but not these spans. */
    rejected(spans: number, why: string): void {
      if (hasToldOfRejected) return
      hasToldOfRejected = true
      logger.warn(
        { event: 'traces:rejected', rejected: spans, err: new Error(why) },
        'the collector rejects some traces',
      )
    },
  }
}
