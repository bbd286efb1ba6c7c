import type { ChangeKind } from '../../domain/changes/order-changes.ts'
import { exceptionOf } from '../../domain/stack.ts'
import {
  deadLetterId,
  originTopicOf,
  type DeadLetterGroup,
  type DeadLetterState,
  type DeadLetterSummary,
  type ForeignFailure,
  type KeptDeadLetter,
} from '../../ports/dead-letters.ts'
import type { Conversions, Row } from './rows.ts'

interface PlaceRow {
  readonly topic: string
  readonly log_partition: number
  readonly log_offset: number | string
}

interface SummaryRow<Id, Time> extends PlaceRow {
  readonly order_id: Id | null
  readonly state: DeadLetterState
  readonly kept_at: Time
  readonly first_code: string
  readonly first_detail: string
  readonly last_code: string
  readonly last_detail: string
  readonly attempts: number | string
  readonly first_failed_at: Time
  readonly last_failed_at: Time
  readonly fingerprint: string
  readonly consumer_group: string
  readonly redrive_of: string | null
  readonly record_timestamp: number | string
  readonly foreign_failure: string | null
  readonly change_id: Id | null
  readonly change_kind: ChangeKind | null
}

interface LetterRow {
  readonly stack: string | null
  readonly headers: string
  readonly record_key: Uint8Array | null
  readonly record_value: Uint8Array | null
  readonly edited_value: Uint8Array | null
}

/** Aggregates over the letters with one fingerprint, and the columns of one of those letters. */
interface GroupRow<Time>
  extends
    Pick<SummaryRow<unknown, Time>, keyof PlaceRow | 'fingerprint' | 'last_code' | 'last_detail'>,
    Pick<SummaryRow<unknown, Time>, 'consumer_group' | 'foreign_failure'>,
    Pick<LetterRow, 'stack'> {
  readonly letters: number | string
  readonly first_seen: Time
  readonly last_seen: Time
}

/** Converts rows of dead letters to the port's types. */
export interface LetterRows {
  readonly toSummary: (letter: Row) => DeadLetterSummary
  readonly toLetter: (letter: Row) => KeptDeadLetter
  readonly toGroup: (group: Row) => DeadLetterGroup
}

export function createLetterRows<Id, Time>({ fromId, fromTime }: Conversions<Id, Time>): LetterRows {
  function toSummary(letter: Row): DeadLetterSummary {
    const row = letter as unknown as SummaryRow<Id, Time>
    const place = placeOf(row)
    const { change_id: changeId, change_kind: kind } = row
    return {
      id: deadLetterId(place),
      origin: { ...place, topic: originTopicOf(row.topic) },
      orderId: row.order_id === null ? null : fromId(row.order_id),
      ...(changeId !== null && kind !== null && { change: { changeId: fromId(changeId), kind } }),
      state: row.state,
      keptAt: fromTime(row.kept_at),
      firstCause: { code: row.first_code, detail: row.first_detail },
      lastCause: { code: row.last_code, detail: row.last_detail },
      attempts: Number(row.attempts),
      firstFailedAt: fromTime(row.first_failed_at),
      lastFailedAt: fromTime(row.last_failed_at),
      fingerprint: row.fingerprint,
      consumerGroup: row.consumer_group,
      redriveOf: row.redrive_of,
      recordTimestamp: Number(row.record_timestamp),
      foreign: toForeign(row.foreign_failure),
    }
  }

  return {
    toSummary,
    toLetter(letter) {
      const row = letter as unknown as LetterRow
      const headers = JSON.parse(row.headers) as [name: string, value: string | null][]
      return {
        ...toSummary(letter),
        key: toPlainBytes(row.record_key),
        value: toPlainBytes(row.record_value),
        editedValue: toPlainBytes(row.edited_value),
        headers: headers.map(([name, value]) => [
          name,
          value === null ? null : new Uint8Array(Buffer.from(value, 'base64')),
        ]),
        stack: row.stack,
      }
    },
    toGroup(group) {
      const row = group as unknown as GroupRow<Time>
      return {
        fingerprint: row.fingerprint,
        cause: { code: row.last_code, detail: row.last_detail },
        exception: exceptionOf(row.stack),
        consumerGroup: row.consumer_group,
        foreignDialect: toForeign(row.foreign_failure)?.dialect ?? null,
        count: Number(row.letters),
        firstSeen: fromTime(row.first_seen),
        lastSeen: fromTime(row.last_seen),
        sampleId: deadLetterId(placeOf(row)),
      }
    },
  }
}

function placeOf(row: PlaceRow) {
  return { topic: row.topic, partition: row.log_partition, offset: Number(row.log_offset) }
}

function toForeign(json: string | null): ForeignFailure | null {
  return json === null ? null : (JSON.parse(json) as ForeignFailure)
}

/** Copies a Buffer into a plain Uint8Array, because the two compare and print differently. */
function toPlainBytes(bytes: Uint8Array | null): Uint8Array | null {
  return Buffer.isBuffer(bytes) ? new Uint8Array(bytes) : bytes
}
