import { SpanKind, type Span, type Tracer } from '@opentelemetry/api'
import { HEADER } from '../../messaging/records/headers.ts'
import type { EventLog, RecordHeader, RecordToPublish } from '../../ports/event-log.ts'
import { contextOf, endWithError, inTraceOf, toTraceparent } from './trace-context.ts'

/**
 * Makes a span for each record, as a child of the record's `traceparent`, which it replaces. `ce_traceparent`, the start of
 * the journey, stays as it is.
 */
export function tracePublishing(tracer: Tracer, log: Pick<EventLog, 'publish'>): Pick<EventLog, 'publish'> {
  return {
    async publish(topic, records) {
      const traced = records.map((record) => start(topic, record))
      try {
        const positions = await log.publish(
          topic,
          traced.map(({ record }) => record),
        )
        traced.forEach(({ span }, index) => {
          const place = positions[index]
          if (place !== undefined) {
            span.setAttribute('messaging.destination.partition.id', String(place.partition))
            span.setAttribute('messaging.kafka.offset', place.offset)
          }
          span.end()
        })
        return positions
      } catch (error) {
        for (const { span } of traced) endWithError(span, error)
        throw error
      }
    },
  }

  function start(topic: string, record: RecordToPublish): { span: Span; record: RecordToPublish } {
    const id = headerOf(record, HEADER.id)
    const attributes = {
      'messaging.system': 'kafka',
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'messaging.destination.name': topic,
      ...(id !== undefined && { 'messaging.message.id': id }),
    }
    const parent = contextOf(headerOf(record, HEADER.trace), headerOf(record, HEADER.traceState))
    const span = tracer.startSpan(`send ${topic}`, { kind: SpanKind.PRODUCER, attributes }, parent)
    return { span, record: { ...record, headers: withTrace(record.headers, span) } }
  }
}

/** Adds the span's context; a journey without a start begins here. */
function withTrace<Header extends RecordHeader>(
  headers: readonly Header[],
  span: Span,
): (Header | readonly [string, string])[] {
  const began = headers.some(([name]) => name === HEADER.startingTrace)
  return [...inTraceOf(headers, span), ...(began ? [] : [[HEADER.startingTrace, toTraceparent(span)] as const])]
}

function headerOf({ headers }: RecordToPublish, wanted: string): string | undefined {
  const value = headers.findLast(([name]) => name === wanted)?.[1] ?? undefined
  return typeof value === 'object' ? Buffer.from(value).toString() : value
}
