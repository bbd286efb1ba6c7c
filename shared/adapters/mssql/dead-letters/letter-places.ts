import {
  deadLetterId,
  isSameLetter,
  topicOfLetter,
  type DeadLetter,
  type LetterIdentity,
} from '../../../ports/dead-letters.ts'
import type { RecordPosition } from '../../../ports/event-log.ts'
import { TOPIC_UNITS } from '../database/columns.ts'
import { json } from '../database/connection.ts'
import type { Query } from '../database/query.ts'
import { cut, fromSqlId } from '../database/values.ts'

/** A letter that is not in the store yet, and the position that it will have there. */
export interface PlacedLetter {
  readonly letter: DeadLetter
  readonly place: RecordPosition
}

/** Uses the unique key on the position. */
export const SELECT_PLACES = `
SELECT d.topic, d.log_partition, d.log_offset, d.order_id, d.record_timestamp, d.change_id
FROM OPENJSON(@ids) WITH (
  topic NVARCHAR(249) '$.topic', log_partition INT '$.partition', log_offset BIGINT '$.offset'
) AS p
JOIN dead_letters AS d ON d.topic = p.topic COLLATE Latin1_General_100_BIN2 AND d.log_partition = p.log_partition
  AND d.log_offset = p.log_offset;
`

/** Room for `@` and a number. */
const MARK_UNITS = 8

/**
 * Finds a free position for each letter that is not in the store yet: the letter's origin, unless the letter of another
 * record already has that position. Rows of letters are never deleted, so one query is enough unless several logs had
 * records at the same position.
 */
export async function findPlaces(query: Query, letters: readonly DeadLetter[]): Promise<readonly PlacedLetter[]> {
  const known = new Map<string, LetterIdentity>()
  const placed: PlacedLetter[] = []
  let pending = letters
  for (let n = 1; pending.length > 0; n += 1) {
    const places = pending.map(({ origin }) => ({ ...origin, topic: keptTopic(origin.topic, n) }))
    const [rows = []] = await query(SELECT_PLACES, { ids: json(places) })
    for (const row of rows) {
      const at = {
        topic: String(row['topic']),
        partition: Number(row['log_partition']),
        offset: Number(row['log_offset']),
      }
      const id = row['order_id'] as string | null
      const orderId = id === null ? null : fromSqlId(id)
      const changeId = (row['change_id'] ?? null) as string | null
      known.set(deadLetterId(at), {
        orderId,
        recordTimestamp: Number(row['record_timestamp']),
        ...(changeId !== null && { change: { changeId: fromSqlId(changeId) } }),
      })
    }
    pending = pending.filter((letter, index) => {
      const place = places[index] ?? letter.origin
      const there = known.get(deadLetterId(place))
      if (there !== undefined) return !isSameLetter(there, letter)
      known.set(deadLetterId(place), letter)
      placed.push({ letter, place })
      return false
    })
  }
  return placed
}

function keptTopic(topic: string, n: number): string {
  return n === 1 ? topic : topicOfLetter(cut(topic, TOPIC_UNITS - MARK_UNITS), n)
}
