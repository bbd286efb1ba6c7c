import type { LogRecord } from '../../ports/event-log.ts'
import { HEADER, OWN_PREFIX } from './headers.ts'
import type { RedriveProofs } from '../parking/redrive-proof.ts'

/**
 * A record in the orders topic counts as its own origin and has not failed yet. Such a record has journey headers only
 * if somebody copied a parked record with all its headers, as Kafka UIs do. If these headers were trusted, the
 * original's position would be counted twice, and the copy's position would not be counted.
 */
const OF_A_REDRIVE: ReadonlySet<string> = new Set([HEADER.redriveOf, HEADER.supersedes, HEADER.redriveProof])

/** The record without its journey headers; the same object if it has none. */
export function withoutJourney<T extends Pick<LogRecord, 'headers'>>(record: T): T {
  if (!record.headers.some(isOwn)) return record
  return { ...record, headers: record.headers.filter((header) => !isOwn(header) || OF_A_REDRIVE.has(header[0])) }
}

/** Returns the record, without its redrive marks unless their proof is valid. Expects the record's exact bytes. */
export function withProvenMarks<T extends LogRecord>(record: T, proofs: Pick<RedriveProofs, 'holds'>): T {
  if (!record.headers.some(isOwn) || proofs.holds(record)) return record
  return { ...record, headers: record.headers.filter((header) => !isOwn(header)) }
}

function isOwn([name]: readonly [name: string, value: unknown]): boolean {
  return name.startsWith(OWN_PREFIX)
}
