/**
 * In T-SQL, the topic that a letter came from, out of the one under which it is kept: the second letter of one place is
 * kept under `topic@2` (ports/dead-letters.ts).
 */
export const ORIGIN_TOPIC = (kept: string) =>
  `CASE WHEN CHARINDEX('@', ${kept}) > 0 THEN LEFT(${kept}, CHARINDEX('@', ${kept}) - 1) ELSE ${kept} END`

/**
 * Whether a letter is that of this very record: of its order, and of its place in this log or an earlier one. By
 * dead_letters_by_order. Another record may lie at the letter's place by now, so the place alone proves nothing.
 */
export const isLetterOf = (letter: string, record: string) =>
  `${letter}.order_id = ${record}.order_id AND ${letter}.log_partition = ${record}.log_partition
    AND ${letter}.log_offset = ${record}.log_offset
    AND (${letter}.topic = ${record}.topic OR LEFT(${letter}.topic, LEN(${record}.topic) + 1) = ${record}.topic + '@')`
