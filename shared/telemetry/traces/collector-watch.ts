import type { Logger } from '../logs/logger.ts'

/** Told what became of each export. */
export interface CollectorWatch {
  taken(): void
  lost(spans: number, error: unknown): void
  /** Of an export that was taken otherwise. */
  rejected(spans: number, why: string): void
}

/**
 * Says once that spans are not taken any more, and once that they are again, with how many were lost. That some of those
 * that are taken are rejected, it says once in all: whoever rejects one in every export would fill the log.
 */
export function watchCollector(logger: Logger): CollectorWatch {
  let lostSpans = 0
  let hasToldOfRejected = false
  return {
    taken() {
      if (lostSpans > 0) logger.warn({ event: 'traces:back', lost: lostSpans }, 'traces are taken again')
      lostSpans = 0
    },
    lost(spans, error) {
      if (lostSpans === 0) logger.warn({ event: 'traces:away', err: error }, 'nobody takes traces; they are lost')
      lostSpans += spans
    },
    rejected(spans, why) {
      if (hasToldOfRejected) return
      hasToldOfRejected = true
      logger.warn({ event: 'traces:rejected', rejected: spans, err: new Error(why) }, 'some traces are not taken')
    },
  }
}
