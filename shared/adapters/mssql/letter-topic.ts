/**
 * In T-SQL, the topic that a letter came from, out of the one under which it is kept: the second letter of one place is
 * kept under `topic@2` (ports/dead-letters.ts).
 */
export const ORIGIN_TOPIC = (kept: string) =>
  `CASE WHEN CHARINDEX('@', ${kept}) > 0 THEN LEFT(${kept}, CHARINDEX('@', ${kept}) - 1) ELSE ${kept} END`
