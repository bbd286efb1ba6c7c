import { createLetterRows } from '../../stores/letter-rows.ts'
import { CONVERSIONS } from '../database/values.ts'

const PLACE_COLUMNS = 'topic, partition AS log_partition, record_offset AS log_offset'
export const SUMMARY_COLUMNS = `
  kept_seq, ${PLACE_COLUMNS}, order_id, state, kept_at, first_code, first_detail, last_code, last_detail,
  attempts, first_failed_at, last_failed_at, fingerprint, consumer_group, redrive_of, record_timestamp,
  foreign_failure, change_id, change_kind`
export const LETTER_COLUMNS = `${SUMMARY_COLUMNS}, stack, headers, record_key, record_value, edited_value`
/** The columns of a group's sample letter. */
export const SAMPLE_COLUMNS = `${PLACE_COLUMNS}, last_code, last_detail, consumer_group, foreign_failure, stack`

export const { toSummary, toLetter, toGroup } = createLetterRows(CONVERSIONS)
