import { isOrderError } from '../../domain/errors.ts'
import { parseOrderId } from '../../domain/order-id.ts'
import { decodeUtf8, HEADER, headerText } from '../../messaging/records/headers.ts'
import type { DeliveredRecord } from '../../messaging/records/kafka-event.ts'
import { readJourney, type Journey } from '../../messaging/parking/parking.ts'
import type { EventLog, LogRecord } from '../../ports/event-log.ts'

/** Each holds what a broker sends for it in memory until all are read. */
const READ_AT_ONCE = 8

/** All of them, in their order, a few at a time. */
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
 * The record with its very bytes, read again from the log where the delivered one may lack some: text that lost bytes on
 * its way lies in this very record; the key, value and headers of a stub lie at its origin. A record that the log does
 * not have any more, or that cannot be read again, stays as it was delivered.
 */
async function readExactly(log: Pick<EventLog, 'read'>, record: DeliveredRecord): Promise<DeliveredRecord> {
  const isStub = headerText(record, HEADER.stub) !== undefined
  if (!isStub && !record.lossy) return record
  const journey = isStub ? (record.journey ?? readJourney(record)) : undefined
  const place = journey?.origin ?? record
  const [original] = await log.read(place.topic, place.partition, place.offset, 1).catch(nothingIfUnreadable)
  if (original?.offset !== place.offset) return record
  // Another log may have another record there by now.
  if (isStub && !isOriginal(record, journey, original)) return record
  const { key, value, timestamp } = original
  if (!isStub) return { ...record, key, value, timestamp }
  return { ...record, journey, key, value, headers: [...original.headers, ...record.headers] }
}

function nothingIfUnreadable(error: unknown): readonly LogRecord[] {
  if (isOrderError(error) && error.code === 'log-unreadable') return []
  throw error
}

/** A stub keeps its original's key, which is an order's id or proves nothing, and says of what time the original was. */
function isOriginal(stub: DeliveredRecord, journey: Journey | undefined, original: LogRecord): boolean {
  const { key, timestamp } = original
  const isSameKey = key === null ? stub.key === null : stub.key !== null && Buffer.from(key).equals(stub.key)
  if (!isSameKey) return false
  const isOrderId = key !== null && parseOrderId(decodeUtf8(key) ?? '') !== undefined
  return isOrderId || journey?.originTimestamp === timestamp
}
