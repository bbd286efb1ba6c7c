import type { DeliveredRecord } from '../../messaging/records/kafka-event.ts'

/** The limits for one transaction that stores records, so that no single transaction occupies the store for long. */
const MAX_RECORDS = 500
const MAX_BYTES = 8 * 1024 * 1024

/** Splits a delivery into portions, one for each transaction. */
export function* transactions(records: readonly DeliveredRecord[]): Generator<readonly DeliveredRecord[]> {
  let some: DeliveredRecord[] = []
  let bytes = 0
  for (const record of records) {
    const size = record.value?.length ?? 0
    if (some.length > 0 && (some.length === MAX_RECORDS || bytes + size > MAX_BYTES)) {
      yield some
      some = []
      bytes = 0
    }
    some.push(record)
    bytes += size
  }
  if (some.length > 0) yield some
}
