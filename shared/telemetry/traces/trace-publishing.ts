import type { Span, Tracer } from '@opentelemetry/api'
import { HEADER } from '../../messaging/records/headers.ts'
import type { EventLog, RecordToPublish } from '../../ports/event-log.ts'
import { contextOf, endAfter, inTraceOf, startMessagingSpan, toTraceparent } from './trace-context.ts'

/**
 * Creates a span for each record, as a child of the record's `traceparent`, and replaces `traceparent` with the span's
 * context. `ce_traceparent`, which marks the start of the journey, stays unchanged.
 */
export function tracePublishing(tracer: Tracer, log: Pick<EventLog, 'publish'>): Pick<EventLog, 'publish'> {
  return {
    publish(topic, records) {
      const traced = records.map((record) => start(topic, record))
      const spans = traced.map(({ span }) => span)
      const published = traced.map(({ record }) => record)
      return endAfter(spans, log.publish(topic, published), (positions) => {
        for (const [index, { partition, offset }] of positions.entries()) {
          spans[index]?.setAttribute('messaging.destination.partition.id', String(partition))
          spans[index]?.setAttribute('messaging.kafka.offset', offset)
        }
      })
    },
  }

  function start(topic: string, record: RecordToPublish): { span: Span; record: RecordToPublish } {
    const id = headerOf(record, HEADER.id)
    const attributes = id === undefined ? {} : { 'messaging.message.id': id }
    const parent = contextOf(headerOf(record, HEADER.trace), headerOf(record, HEADER.traceState))
    const span = startMessagingSpan(tracer, { operation: 'send', topic, attributes, parent })
    return { span, record: { ...record, headers: withTrace(record.headers, span) } }
  }
}

/**
 * Adds the span's context. If the headers do not say where the journey started, the context also becomes the journey's
 * start.
 */
function withTrace(headers: RecordToPublish['headers'], span: Span): RecordToPublish['headers'] {
  const hasStart = headers.some(([name]) => name === HEADER.startingTrace)
  return [...inTraceOf(headers, span), ...(hasStart ? [] : [[HEADER.startingTrace, toTraceparent(span)] as const])]
}

function headerOf({ headers }: RecordToPublish, wanted: string): string | undefined {
  const value = headers.findLast(([name]) => name === wanted)?.[1] ?? undefined
  return typeof value === 'object' ? Buffer.from(value).toString() : value
}
