import type { LogRecord } from '../../ports/event-log.ts'
import { HEADER, OWN_PREFIX } from './headers.ts'
import type { RedriveProofs } from '../parking/redrive-proof.ts'

/**
 * A record of the orders topic speaks for itself: its origin is its own place, and it has failed nowhere yet. Headers
 * that tell of a journey are there only because somebody copied a parked record with all of its headers, as user
 * interfaces for Kafka do. Whoever believed them would count the original's place again and the copy's never.
 */
const OF_A_REDRIVE: ReadonlySet<string> = new Set([HEADER.redriveOf, HEADER.supersedes, HEADER.redriveProof])

/** The record without a journey; the very same when it tells none, which costs one look at the names. */
export function withoutJourney<T extends Pick<LogRecord, 'headers'>>(record: T): T {
  if (!record.headers.some(isOwn)) return record
  return { ...record, headers: record.headers.filter((header) => !isOwn(header) || OF_A_REDRIVE.has(header[0])) }
}

/** The record without the marks of a redrive, unless their proof holds. Expects the record's very bytes. */
export function withProvenMarks<T extends LogRecord>(record: T, proofs: Pick<RedriveProofs, 'holds'>): T {
  if (!record.headers.some(isOwn) || proofs.holds(record)) return record
  return { ...record, headers: record.headers.filter((header) => !isOwn(header)) }
}

function isOwn([name]: readonly [name: string, value: unknown]): boolean {
  return name.startsWith(OWN_PREFIX)
}
