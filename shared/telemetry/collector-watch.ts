import type { Logger } from '../logger.ts'

/** Told what became of each export. */
export interface CollectorWatch {
  taken(): void
  lost(spans: number, error: unknown): void
}

/** Says once that spans are not taken any more, and once that they are again, with how many were lost. */
export function watchCollector(logger: Logger): CollectorWatch {
  let lostSpans = 0
  return {
    taken() {
      if (lostSpans > 0) logger.warn({ event: 'traces:back', lost: lostSpans }, 'traces are taken again')
      lostSpans = 0
    },
    lost(spans, error) {
      if (lostSpans === 0) logger.warn({ event: 'traces:away', err: error }, 'nobody takes traces; they are lost')
      lostSpans += spans
    },
  }
}
