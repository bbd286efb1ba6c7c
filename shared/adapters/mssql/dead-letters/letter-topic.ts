/**
 * A T-SQL expression that derives a letter's origin topic from the topic under which the letter is kept. A second
 * letter for the same position is kept under `topic@2` (ports/dead-letters.ts).
 */
export const ORIGIN_TOPIC = (kept: string) =>
  `CASE WHEN CHARINDEX('@', ${kept}) > 0 THEN LEFT(${kept}, CHARINDEX('@', ${kept}) - 1) ELSE ${kept} END`

/**
 * The condition under which a letter belongs to this record: both have the same order id and the same position, in this
 * log or an earlier one. The position alone proves nothing, because another record may be there now. Uses
 * dead_letters_by_order.
 */
export const isLetterOf = (letter: string, record: string) =>
  `${letter}.order_id = ${record}.order_id AND ${letter}.log_partition = ${record}.log_partition
    AND ${letter}.log_offset = ${record}.log_offset
    AND (${letter}.topic = ${record}.topic OR LEFT(${letter}.topic, LEN(${record}.topic) + 1) = ${record}.topic + '@')`
