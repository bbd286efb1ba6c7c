import { HEADER, headerText } from '../messaging/headers.ts'
import type { DeliveredRecord } from '../messaging/kafka-event.ts'
import { originOf } from '../messaging/parking.ts'
import type { EventLog, LogRecord } from '../ports/event-log.ts'

/**
 * The record with its very bytes, read again from the log where the delivered one may lack some: text that lost bytes on
 * its way lies in this very record; the key, value and headers of a stub lie at its origin. A record that the log does
 * not have any more stays as it was delivered.
 */
export async function readExactly(log: Pick<EventLog, 'read'>, record: DeliveredRecord): Promise<LogRecord> {
  const isStub = headerText(record, HEADER.stub) !== undefined
  if (!isStub && !record.lossy) return record
  const place = isStub ? originOf(record) : record
  const [original] = await log.read(place.topic, place.partition, place.offset, 1)
  if (original?.offset !== place.offset) return record
  const headers = isStub ? [...original.headers, ...record.headers] : record.headers
  return { ...record, key: original.key, value: original.value, headers }
}
