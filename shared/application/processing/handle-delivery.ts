import type { DeliveredRecord } from '../../messaging/records/kafka-event.ts'

/**
 * A use case that takes a delivery from one topic. Resolves only when every record is handled: stored, recognised as a
 * duplicate, kept, or safe in a retry topic or the dead-letter topic. Otherwise it rejects, so that the trigger
 * delivers the records again. `deliveredAt` (milliseconds since 1970, now if absent) is the time at which the whole
 * delivery arrived; the records may be only a portion of it. The time limit for holding the records is counted from
 * then.
 */
export type HandleDelivery = (records: readonly DeliveredRecord[], deliveredAt?: number) => Promise<void>
