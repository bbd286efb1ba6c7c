import { ROOT_CONTEXT, SpanKind, SpanStatusCode, type Link, type Span, type Tracer } from '@opentelemetry/api'
import type { HandleDelivery } from '../../application/processing/handle-delivery.ts'
import type { Cause } from '../../domain/order-view.ts'
import { orderIdOf, traceparentOf } from '../../messaging/records/envelope.ts'
import { HEADER, headerText } from '../../messaging/records/headers.ts'
import type { DeliveredRecord } from '../../messaging/records/kafka-event.ts'
import type { PipelineEmitter } from '../../messaging/pipeline-events.ts'
import type { Tracing } from './tracing.ts'
import { contextOf, endWithError, fromTraceparent, inTraceOf, toTraceparent } from './trace-context.ts'

/**
 * A batch mixes journeys. Each record's span continues its own journey and links to the batch's span, which links to all
 * records. A parked record's fate is on its span, which the event names by its traceparent.
 */
export function createProcessingTraces(tracer: Tracer, events: PipelineEmitter): Tracing['traceProcessing'] {
  const active = new Map<string, Span>()
  events.on('delivery:retried', ({ traceparent, cause, tier, notBefore }) => {
    parked(traceparent, 'retried', cause, { tier, 'not-before': new Date(notBefore).toISOString() })
  })
  events.on('delivery:dead-lettered', ({ traceparent, cause }) => parked(traceparent, 'dead-lettered', cause, {}))

  function parked(traceparent: string | undefined, what: string, { code, detail }: Cause, more: Attributes): void {
    const span = active.get(traceparent ?? '')
    span?.addEvent(what, more)
    span?.setAttribute('error.type', code)
    span?.setStatus({ code: SpanStatusCode.ERROR, message: detail })
  }

  return function traceProcessing({ topic, group }, useCase: HandleDelivery): HandleDelivery {
    const common = {
      'messaging.system': 'kafka',
      'messaging.operation.type': 'process',
      'messaging.destination.name': topic,
      'messaging.consumer.group.name': group,
    }

    function startBatch(records: readonly DeliveredRecord[]): Span {
      const links = records.flatMap((record): Link[] => {
        const context = fromTraceparent(traceparentOf(record), tracestateOf(record))
        return context === undefined ? [] : [{ context }]
      })
      const size = { 'messaging.operation.name': 'process batch', 'messaging.batch.message_count': records.length }
      const options = { kind: SpanKind.CONSUMER, attributes: { ...common, ...size }, links }
      return tracer.startSpan(`process batch ${topic}`, options, ROOT_CONTEXT)
    }

    function start(record: DeliveredRecord, batch: Span): Span {
      const orderId = orderIdOf(record)
      const attributes = {
        ...common,
        'messaging.operation.name': 'process',
        'messaging.destination.partition.id': String(record.partition),
        'messaging.kafka.offset': record.offset,
        ...(orderId !== undefined && { 'messaging.message.id': orderId }),
      }
      const links = [{ context: batch.spanContext() }]
      const options = { kind: SpanKind.CONSUMER, attributes, links }
      return tracer.startSpan(`process ${topic}`, options, contextOf(traceparentOf(record), tracestateOf(record)))
    }

    return async function traced(records, deliveredAt) {
      const batch = startBatch(records)
      const spans = records.map((record) => start(record, batch))
      const names = spans.map(toTraceparent)
      names.forEach((name, index) => active.set(name, spans[index] ?? batch))
      try {
        const continuing = records.map((record, index) => continued(record, spans[index] ?? batch))
        await useCase(continuing, deliveredAt)
        for (const span of [...spans, batch]) span.end()
      } catch (error) {
        for (const span of [...spans, batch]) endWithError(span, error)
        throw error
      } finally {
        for (const name of names) active.delete(name)
      }
    }
  }
}

type Attributes = Record<string, string | number>

/** The record with its span's context, from which a copy in another topic goes on. */
function continued(record: DeliveredRecord, span: Span): DeliveredRecord {
  const headers = inTraceOf(record.headers, span).map(
    ([name, value]) => [name, typeof value === 'string' ? Buffer.from(value) : value] as const,
  )
  return { ...record, headers }
}

function tracestateOf(record: DeliveredRecord): string | undefined {
  return headerText(record, HEADER.traceState)
}
