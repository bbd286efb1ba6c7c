import { z } from 'zod'
import type { LogRecord } from '../ports/event-log.ts'

/**
 * A record as the Kafka extension hands it to a Node function with `dataType: string`
 * (KafkaEventDataConvertManager.cs): header values in base64, value and key as text. Bytes that are not UTF-8 arrive
 * as U+FFFD; whoever needs the very bytes reads them again from the record's own place in the log.
 */
const kafkaEventSchema = z.object({
  Offset: z.number(),
  Partition: z.number(),
  Topic: z.string(),
  Timestamp: z.string(),
  Value: z.string().nullable(),
  Key: z.string().nullish(),
  Headers: z.array(z.object({ Key: z.string(), Value: z.string().nullable() })),
})

export type KafkaEvent = z.infer<typeof kafkaEventSchema>

/** A delivered record; `lossy` when its text holds U+FFFD, so that its bytes here may not be the original's. */
export interface DeliveredRecord extends LogRecord {
  readonly lossy: boolean
}

const REPLACEMENT = '\ufffd'

/** Throws a ZodError when the host hands over something else: a fault of the set-up, not of a record. */
export function fromKafkaEvents(input: unknown): DeliveredRecord[] {
  return z.array(kafkaEventSchema).parse(input).map(fromKafkaEvent)
}

function fromKafkaEvent(event: KafkaEvent): DeliveredRecord {
  const key = event.Key ?? null
  return {
    topic: event.Topic,
    partition: event.Partition,
    offset: event.Offset,
    timestamp: Date.parse(event.Timestamp),
    key: key === null ? null : Buffer.from(key),
    value: event.Value === null ? null : Buffer.from(event.Value),
    headers: event.Headers.map(
      ({ Key, Value }) => [Key, Value === null ? null : Buffer.from(Value, 'base64')] as const,
    ),
    lossy: (event.Value?.includes(REPLACEMENT) ?? false) || (key?.includes(REPLACEMENT) ?? false),
  }
}
