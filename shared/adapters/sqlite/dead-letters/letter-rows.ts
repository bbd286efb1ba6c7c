import {
  deadLetterId,
  originTopicOf,
  type DeadLetterState,
  type DeadLetterSummary,
  type ForeignFailure,
  type KeptDeadLetter,
} from '../../../ports/dead-letters.ts'
import { fromIdBytes, fromMs } from '../database/values.ts'

export const SUMMARY_COLUMNS = `
  kept_seq, topic, partition, record_offset, order_id, state, kept_at, first_code, first_detail, last_code, last_detail,
  attempts, first_failed_at, last_failed_at, fingerprint, consumer_group, redrive_of, record_timestamp,
  foreign_failure`
export const LETTER_COLUMNS = `${SUMMARY_COLUMNS}, stack, headers, record_key, record_value, edited_value`

export interface SummaryRow {
  readonly kept_seq: number
  readonly topic: string
  readonly partition: number
  readonly record_offset: number
  readonly order_id: Uint8Array | null
  readonly state: DeadLetterState
  readonly kept_at: number
  readonly first_code: string
  readonly first_detail: string
  readonly last_code: string
  readonly last_detail: string
  readonly attempts: number
  readonly first_failed_at: number
  readonly last_failed_at: number
  readonly fingerprint: string
  readonly consumer_group: string
  readonly redrive_of: string | null
  readonly record_timestamp: number
  readonly foreign_failure: string | null
}

export interface SampleRow extends SummaryRow {
  readonly stack: string | null
}

export interface LetterRow extends SampleRow {
  readonly headers: string
  readonly record_key: Uint8Array | null
  readonly record_value: Uint8Array | null
  readonly edited_value: Uint8Array | null
}

export function toSummary(row: SummaryRow): DeadLetterSummary {
  const place = { topic: row.topic, partition: row.partition, offset: row.record_offset }
  return {
    id: deadLetterId(place),
    origin: { ...place, topic: originTopicOf(row.topic) },
    orderId: row.order_id === null ? null : fromIdBytes(row.order_id),
    state: row.state,
    keptAt: fromMs(row.kept_at),
    firstCause: { code: row.first_code, detail: row.first_detail },
    lastCause: { code: row.last_code, detail: row.last_detail },
    attempts: row.attempts,
    firstFailedAt: fromMs(row.first_failed_at),
    lastFailedAt: fromMs(row.last_failed_at),
    fingerprint: row.fingerprint,
    consumerGroup: row.consumer_group,
    redriveOf: row.redrive_of,
    recordTimestamp: row.record_timestamp,
    foreign: row.foreign_failure === null ? null : (JSON.parse(row.foreign_failure) as ForeignFailure),
  }
}

export function toLetter(row: LetterRow): KeptDeadLetter {
  const headers = JSON.parse(row.headers) as [name: string, value: string | null][]
  return {
    ...toSummary(row),
    key: row.record_key,
    value: row.record_value,
    editedValue: row.edited_value,
    headers: headers.map(([name, value]) => [
      name,
      value === null ? null : new Uint8Array(Buffer.from(value, 'base64')),
    ]),
    stack: row.stack,
  }
}
