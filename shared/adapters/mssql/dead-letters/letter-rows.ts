import {
  deadLetterId,
  originTopicOf,
  type DeadLetterState,
  type DeadLetterSummary,
  type ForeignFailure,
  type KeptDeadLetter,
} from '../../../ports/dead-letters.ts'
import type { Row } from '../database/connection.ts'
import { fromSqlId, fromSqlTime } from '../database/values.ts'

export const SUMMARY_COLUMNS = `d.kept_seq, d.topic, d.log_partition, d.log_offset, d.order_id, d.state, d.kept_at, d.first_code,
  d.first_detail, d.last_code, d.last_detail, d.attempts, d.first_failed_at, d.last_failed_at, d.fingerprint,
  d.consumer_group, d.redrive_of, d.record_timestamp, d.foreign_failure`
export const LETTER_COLUMNS = `${SUMMARY_COLUMNS}, d.stack, d.headers, d.record_key, d.record_value, d.edited_value`

interface SummaryRow {
  readonly topic: string
  readonly log_partition: number
  readonly log_offset: string
  readonly order_id: string | null
  readonly state: DeadLetterState
  readonly kept_at: Date
  readonly first_code: string
  readonly first_detail: string
  readonly last_code: string
  readonly last_detail: string
  readonly attempts: string
  readonly first_failed_at: Date
  readonly last_failed_at: Date
  readonly fingerprint: string
  readonly consumer_group: string
  readonly redrive_of: string | null
  readonly record_timestamp: string
  readonly foreign_failure: string | null
}

interface LetterRow extends SummaryRow {
  readonly stack: string | null
  readonly headers: string
  readonly record_key: Uint8Array | null
  readonly record_value: Uint8Array | null
  readonly edited_value: Uint8Array | null
}

export function toSummary(summary: Row): DeadLetterSummary {
  const row = summary as unknown as SummaryRow
  const place = { topic: row.topic, partition: row.log_partition, offset: Number(row.log_offset) }
  return {
    id: deadLetterId(place),
    origin: { ...place, topic: originTopicOf(row.topic) },
    orderId: row.order_id === null ? null : fromSqlId(row.order_id),
    state: row.state,
    keptAt: fromSqlTime(row.kept_at),
    firstCause: { code: row.first_code, detail: row.first_detail },
    lastCause: { code: row.last_code, detail: row.last_detail },
    attempts: Number(row.attempts),
    firstFailedAt: fromSqlTime(row.first_failed_at),
    lastFailedAt: fromSqlTime(row.last_failed_at),
    fingerprint: row.fingerprint,
    consumerGroup: row.consumer_group,
    redriveOf: row.redrive_of,
    recordTimestamp: Number(row.record_timestamp),
    foreign: toForeign(row.foreign_failure),
  }
}

export function toForeign(json: string | null): ForeignFailure | null {
  return json === null ? null : (JSON.parse(json) as ForeignFailure)
}

export function toLetter(letter: Row): KeptDeadLetter {
  const row = letter as unknown as LetterRow
  const headers = JSON.parse(row.headers) as [name: string, value: string | null][]
  return {
    ...toSummary(letter),
    key: toBytes(row.record_key),
    value: toBytes(row.record_value),
    editedValue: toBytes(row.edited_value),
    headers: headers.map(([name, value]) => [name, value === null ? null : toBytes(Buffer.from(value, 'base64'))]),
    stack: row.stack,
  }
}

/** Plain bytes, not a Buffer, which compares and prints as something else. */
function toBytes(bytes: Uint8Array): Uint8Array
function toBytes(bytes: Uint8Array | null): Uint8Array | null
function toBytes(bytes: Uint8Array | null): Uint8Array | null {
  return bytes === null ? null : new Uint8Array(bytes)
}
