import { SpanStatusCode, type Attributes, type Link, type Span, type Tracer } from '@opentelemetry/api'
import type { HandleDelivery } from '../../application/processing/handle-delivery.ts'
import type { Cause } from '../../domain/order-view.ts'
import { orderIdOf, traceparentOf } from '../../messaging/records/envelope.ts'
import { HEADER, headerText } from '../../messaging/records/headers.ts'
import type { DeliveredRecord } from '../../messaging/records/kafka-event.ts'
import type { PipelineEmitter } from '../../messaging/pipeline-events.ts'
import type { Tracing } from './tracing.ts'
import { contextOf, endAfter, fromTraceparent, inTraceOf, startMessagingSpan, toTraceparent } from './trace-context.ts'

/**
 * A batch contains records from different traces. Each record's span continues the record's trace and links to the
 * batch's span, which links to all records. If a record is parked, its span gets an event; pipeline events identify the
 * span by its `traceparent`.
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
    const consumer = { 'messaging.consumer.group.name': group }

    function startBatch(records: readonly DeliveredRecord[]): Span {
      const links = records.flatMap((record): Link[] => {
        const context = fromTraceparent(traceparentOf(record), tracestateOf(record))
        return context === undefined ? [] : [{ context }]
      })
      const attributes = { ...consumer, 'messaging.batch.message_count': records.length }
      return startMessagingSpan(tracer, { operation: 'process batch', topic, attributes, links })
    }

    function start(record: DeliveredRecord, batch: Span): Span {
      const orderId = orderIdOf(record)
      const attributes = {
        ...consumer,
        'messaging.destination.partition.id': String(record.partition),
        'messaging.kafka.offset': record.offset,
        ...(orderId !== undefined && { 'messaging.message.id': orderId }),
      }
      const links = [{ context: batch.spanContext() }]
      const parent = contextOf(traceparentOf(record), tracestateOf(record))
      return startMessagingSpan(tracer, { operation: 'process', topic, attributes, parent, links })
    }

    return async function traced(records, deliveredAt) {
      const batch = startBatch(records)
      const spans = records.map((record) => start(record, batch))
      for (const span of spans) active.set(toTraceparent(span), span)
      try {
        // A copy in another topic continues the trace from this span.
        const continuing = records.map((record, index) => {
          return { ...record, headers: inTraceOf(record.headers, spans[index] ?? batch) }
        })
        await endAfter([...spans, batch], useCase(continuing, deliveredAt))
      } finally {
        for (const span of spans) active.delete(toTraceparent(span))
      }
    }
  }
}

function tracestateOf(record: DeliveredRecord): string | undefined {
  return headerText(record, HEADER.traceState)
}
