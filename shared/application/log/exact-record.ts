import { isOrderError } from '../../domain/errors.ts'
import { parseOrderId } from '../../domain/order-id.ts'
import { decodeUtf8, HEADER, headerText } from '../../messaging/records/headers.ts'
import type { DeliveredRecord } from '../../messaging/records/kafka-event.ts'
import { readJourney, type Journey } from '../../messaging/parking/parking.ts'
import type { EventLog, LogRecord } from '../../ports/event-log.ts'

/** Each read keeps the broker's response in memory until all concurrent reads are done. */
const READ_AT_ONCE = 8

/** Reads the exact bytes of the records, a few at a time, and returns the records in the same sequence. */
export async function readAllExactly(
  log: Pick<EventLog, 'read'>,
  records: readonly DeliveredRecord[],
): Promise<DeliveredRecord[]> {
  const exact: DeliveredRecord[] = []
  for (let index = 0; index < records.length; index += READ_AT_ONCE) {
    const some = records.slice(index, index + READ_AT_ONCE)
    exact.push(...(await Promise.all(some.map((record) => readExactly(log, record)))))
  }
  return exact
}

/**
 * The record with its exact bytes. A record that is marked `lossy` is read again from its own offset; the key, value
 * and headers of a stub are read from its origin. If the record is no longer in the log, or cannot be read, it stays as
 * it was delivered.
 */
async function readExactly(log: Pick<EventLog, 'read'>, record: DeliveredRecord): Promise<DeliveredRecord> {
  const isStub = headerText(record, HEADER.stub) !== undefined
  if (!isStub && !record.lossy) return record
  const journey = isStub ? (record.journey ?? readJourney(record)) : undefined
  const place = journey?.origin ?? record
  const [original] = await log.read(place.topic, place.partition, place.offset, 1).catch(nothingIfUnreadable)
  if (original?.offset !== place.offset) return record
  // The log may have been replaced since the record was parked, and may hold another record at this offset.
  if (isStub && !isOriginal(record, journey, original)) return record
  const { key, value, timestamp } = original
  if (!isStub) return { ...record, key, value, timestamp }
  return { ...record, journey, key, value, headers: [...original.headers, ...record.headers] }
}

/** For use in a `catch`: treats a record that cannot be read as missing, and rethrows any other error. */
export function nothingIfUnreadable(error: unknown): readonly LogRecord[] {
  if (isOrderError(error) && error.code === 'log-unreadable') return []
  throw error
}

/**
 * A stub has its original's key and timestamp. If the key is an order id, that is proof enough; otherwise the timestamp
 * must match too.
 */
function isOriginal(stub: DeliveredRecord, journey: Journey | undefined, original: LogRecord): boolean {
  const { key, timestamp } = original
  const isSameKey = key === null ? stub.key === null : stub.key !== null && Buffer.from(key).equals(stub.key)
  if (!isSameKey) return false
  const isOrderId = key !== null && parseOrderId(decodeUtf8(key) ?? '') !== undefined
  return isOrderId || journey?.originTimestamp === timestamp
}
