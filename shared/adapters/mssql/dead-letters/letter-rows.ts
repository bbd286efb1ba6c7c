import { createLetterRows } from '../../stores/letter-rows.ts'
import { CONVERSIONS } from '../database/values.ts'

export const SUMMARY_COLUMNS = `d.kept_seq, d.topic, d.log_partition, d.log_offset, d.order_id, d.state, d.kept_at, d.first_code,
  d.first_detail, d.last_code, d.last_detail, d.attempts, d.first_failed_at, d.last_failed_at, d.fingerprint,
  d.consumer_group, d.redrive_of, d.record_timestamp, d.foreign_failure, d.change_id, d.change_kind`
export const LETTER_COLUMNS = `${SUMMARY_COLUMNS}, d.stack, d.headers, d.record_key, d.record_value, d.edited_value`

export const { toSummary, toLetter, toGroup } = createLetterRows(CONVERSIONS)
