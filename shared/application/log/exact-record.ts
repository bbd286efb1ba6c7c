import { isOrderError } from '../../domain/errors.ts'
import { parseOrderId } from '../../domain/order-id.ts'
import { decodeUtf8, HEADER, headerText } from '../../messaging/records/headers.ts'
import type { DeliveredRecord } from '../../messaging/records/kafka-event.ts'
import { readJourney, type Journey } from '../../messaging/parking/parking.ts'
import type { LogRecord } from '../../ports/event-log.ts'
import { readOriginal, type Originals } from './read-original.ts'

/** Each read keeps the broker's response in memory until all concurrent reads are done. */
const READ_AT_ONCE = 8

/** Reads the exact bytes of the records, a few at a time, and returns the records in the same sequence. */
export async function readAllExactly(
  originals: Originals,
  records: readonly DeliveredRecord[],
): Promise<DeliveredRecord[]> {
  const exact: DeliveredRecord[] = []
  for (let index = 0; index < records.length; index += READ_AT_ONCE) {
    const some = records.slice(index, index + READ_AT_ONCE)
    exact.push(...(await Promise.all(some.map((record) => readExactly(originals, record)))))
  }
  return exact
}

/**
 * The record with its exact bytes. A record that is marked `lossy` is read again from its own offset; the key, value
 * and headers of a stub are read from its origin. If the record is no longer in the log, or cannot be read, it stays as
 * it was delivered.
 */
export async function readExactly(originals: Originals, record: DeliveredRecord): Promise<DeliveredRecord> {
  const exact = record.lossy ? await readAgain(originals, record) : record
  if (headerText(exact, HEADER.stub) === undefined) return exact
  const journey = exact.journey ?? readJourney(exact)
  if (journey === undefined) return exact
  const original = await readOriginal(originals, journey.origin)
  // The log may have been replaced since the record was parked, and may hold another record at this offset.
  if (original === undefined || !isOriginal(exact, journey, original)) return exact
  const { key, value, headers } = original
  return { ...exact, journey, key, value, headers: [...headers, ...exact.headers] }
}

async function readAgain({ log }: Originals, record: DeliveredRecord): Promise<DeliveredRecord> {
  const { topic, partition, offset } = record
  const [found] = await log.read(topic, partition, offset, 1).catch(nothingIfUnreadable)
  if (found?.offset !== offset) return record
  const { key, value, timestamp } = found
  return { ...record, key, value, timestamp }
}

/** For use in a `catch`: treats a record that cannot be read as missing, and rethrows any other error. */
function nothingIfUnreadable(error: unknown): readonly LogRecord[] {
  if (isOrderError(error) && error.code === 'log-unreadable') return []
  throw error
}

/**
 * A stub has its original's key and timestamp. If the key is an order id, that is proof enough; otherwise the timestamp
 * must match too.
 */
function isOriginal(stub: DeliveredRecord, journey: Journey, original: LogRecord): boolean {
  const { key, timestamp } = original
  const isSameKey = key === null ? stub.key === null : stub.key !== null && Buffer.from(key).equals(stub.key)
  if (!isSameKey) return false
  const isOrderId = key !== null && parseOrderId(decodeUtf8(key) ?? '') !== undefined
  return isOrderId || journey.originTimestamp === timestamp
}
