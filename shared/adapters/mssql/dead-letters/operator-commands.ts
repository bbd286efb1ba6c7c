import { parseDeadLetterId, type DeadLetterState, type KeptDeadLetter } from '../../../ports/dead-letters.ts'
import type { RecordPosition } from '../../../ports/event-log.ts'
import type { Redrives } from '../../../ports/redrives.ts'
import { letterNotFound, wrongLetterState } from '../../stores/letters.ts'
import { MAX_PARTITION, TOPIC_UNITS } from '../database/columns.ts'
import { bytes, json, type Parameters } from '../database/connection.ts'
import { actParameters } from './audit.ts'
import { createGetLetter, placeParameters } from './dead-letters.ts'
import { DISCARD, DISCARD_MANY, MARK_EDITED, RECORD_EDIT, RESTORE } from './operator-sql.ts'
import type { Query } from '../database/query.ts'

/** Letters discarded in one round trip. */
const LETTERS_AT_ONCE = 200

/** Operators' acts on single dead letters (port Redrives). */
export function createOperatorCommands(
  query: Query,
): Pick<Redrives, 'discard' | 'discardMany' | 'restore' | 'recordEdit' | 'markEdited'> {
  const getLetter = createGetLetter(query)

  /** Without `from` the letter may be in any state. */
  async function act(
    statement: string,
    letterId: string,
    from: DeadLetterState | undefined,
    parameters: Parameters,
  ): Promise<KeptDeadLetter> {
    const origin = parseDeadLetterId(letterId)
    if (origin === undefined) throw letterNotFound()
    const [[row] = []] = await query(statement, { ...placeParameters(origin), ...parameters })
    if (row === undefined || row['state'] === null) throw letterNotFound()
    const state = row['state'] as DeadLetterState
    if (from !== undefined && state !== from) throw wrongLetterState(state, from)
    const letter = await getLetter(letterId)
    if (letter === undefined) throw letterNotFound()
    return letter
  }

  return {
    discard: (letterId, by) => act(DISCARD, letterId, 'dead', actParameters(letterId, by)),
    async discardMany(letterIds, by) {
      const places = letterIds.flatMap((id) => placeOf(id) ?? [])
      let discarded = 0
      for (let start = 0; start < places.length; start += LETTERS_AT_ONCE) {
        const letters = places
          .slice(start, start + LETTERS_AT_ONCE)
          .map(({ id, topic, partition, offset }, index) => [index + 1, id, topic, partition, offset])
        const { target: _, ...shared } = actParameters('', by)
        const [[row] = []] = await query(DISCARD_MANY, { ...shared, letters: json(letters) })
        discarded += Number(row?.['discarded'])
      }
      return discarded
    },
    restore: (letterId, by) => act(RESTORE, letterId, 'discarded', actParameters(letterId, by)),
    recordEdit: (letterId, value, by) =>
      act(RECORD_EDIT, letterId, 'dead', { ...actParameters(letterId, by), value: bytes(value) }),
    markEdited: (letterId, by) => act(MARK_EDITED, letterId, undefined, actParameters(letterId, by)),
  }
}

/** The position in a letter's id; undefined if the id is malformed or no column can hold the position. */
function placeOf(id: string): (RecordPosition & { readonly id: string }) | undefined {
  const place = parseDeadLetterId(id)
  const fits = place !== undefined && place.topic.length <= TOPIC_UNITS && place.partition <= MAX_PARTITION
  return fits ? { id, ...place } : undefined
}
