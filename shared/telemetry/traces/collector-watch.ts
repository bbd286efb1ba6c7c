import type { Logger } from '../logs/logger.ts'

export type CollectorWatch = ReturnType<typeof watchCollector>

/**
 * Logs once when the collector stops accepting spans, and once when it accepts them again, with the number of lost
 * spans. Only the first partially rejected export is logged, because a collector may reject some spans of every export.
 */
export function watchCollector(logger: Logger) {
  let lostSpans = 0
  let hasLoggedRejected = false
  return {
    taken(): void {
      if (lostSpans > 0) logger.warn({ event: 'traces:back', lost: lostSpans }, 'traces are accepted again')
      lostSpans = 0
    },
    lost(spans: number, error: unknown): void {
      if (lostSpans === 0)
        logger.warn({ event: 'traces:away', err: error }, 'the collector accepts no traces; they are lost')
      lostSpans += spans
    },
    /** Called when the collector accepted an export but rejected this many of its spans. */
    rejected(spans: number, why: string): void {
      if (hasLoggedRejected) return
      hasLoggedRejected = true
      logger.warn(
        { event: 'traces:rejected', rejected: spans, err: new Error(why) },
        'the collector rejects some traces',
      )
    },
  }
}
