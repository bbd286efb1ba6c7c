import { parseDeadLetterId, type DeadLetterState, type KeptDeadLetter } from '../../../ports/dead-letters.ts'
import type { RecordPosition } from '../../../ports/event-log.ts'
import type { Act, Redrives } from '../../../ports/redrives.ts'
import {
  changeNotDiscardable,
  changeNotEditable,
  letterNotFound,
  orderOfLetterArchived,
  wrongLetterState,
} from '../../stores/letters.ts'
import { DISCARD_CHANGE, SELECT_ORDER_OF_CHANGE } from '../changes/discard-change-sql.ts'
import { createTurns } from '../changes/turns.ts'
import { MAX_PARTITION, TOPIC_UNITS } from '../database/columns.ts'
import { bytes, int, json, text, type Parameters, type Row } from '../database/connection.ts'
import { actParameters } from './audit.ts'
import { createGetLetter, placeParameters } from './dead-letters.ts'
import { DISCARD, DISCARD_MANY, MARK_EDITED, RECORD_EDIT, RESTORE } from './operator-sql.ts'
import type { Query } from '../database/query.ts'
import { fromSqlId } from '../database/values.ts'

/** The number of letters discarded in one round trip. */
const LETTERS_AT_ONCE = 200

/** Operators' actions on single dead letters and waiting changes (port Redrives). */
export function createOperatorCommands(
  query: Query,
): Pick<Redrives, 'discard' | 'discardMany' | 'discardChange' | 'restore' | 'recordEdit' | 'markEdited'> {
  const getLetter = createGetLetter(query)
  const turns = createTurns(query)

  /**
   * Applies or rejects those changes to the orders in `rows` whose turn has come. `rows` is the statement's last
   * result.
   */
  async function decide(rows: readonly Row[], { at }: Act): Promise<void> {
    const orderIds = rows.map((row) => fromSqlId(String(row['order_id'])))
    if (orderIds.length === 0) return
    const [failed] = (await turns.take(orderIds, at)).undecided
    if (failed !== undefined) throw failed.error
  }

  /** Without `from`, the letter may be in any state. */
  async function act(
    statement: string,
    letterId: string,
    from: DeadLetterState | undefined,
    by: Act,
    parameters: Parameters = {},
  ): Promise<KeptDeadLetter> {
    const origin = parseDeadLetterId(letterId)
    if (origin === undefined) throw letterNotFound()
    const shared = { ...placeParameters(origin), ...actParameters(letterId, by) }
    const [[row] = [], toDecide = []] = await query(statement, { ...shared, ...parameters })
    await decide(toDecide, by)
    if (row === undefined || row['state'] === null) throw letterNotFound()
    const state = row['state'] as DeadLetterState
    if (from !== undefined && state !== from) throw wrongLetterState(state, from)
    const letter = await getLetter(letterId)
    if (letter === undefined) throw letterNotFound()
    return letter
  }

  return {
    discard: (letterId, by) => act(DISCARD, letterId, 'dead', by),
    async discardMany(letterIds, by) {
      const places = letterIds.flatMap((id) => placeOf(id) ?? [])
      let discarded = 0
      for (let start = 0; start < places.length; start += LETTERS_AT_ONCE) {
        const letters = places
          .slice(start, start + LETTERS_AT_ONCE)
          .map(({ id, topic, partition, offset }, index) => [index + 1, id, topic, partition, offset])
        const { target: _, ...shared } = actParameters('', by)
        const [[row] = [], toDecide = []] = await query(DISCARD_MANY, { ...shared, letters: json(letters) })
        await decide(toDecide, by)
        discarded += Number(row?.['discarded'])
      }
      return discarded
    },
    async discardChange(changeId, by) {
      const [[row] = []] = await query(SELECT_ORDER_OF_CHANGE, { changeId: text(changeId) })
      if (row === undefined) throw changeNotDiscardable()
      const orderId = fromSqlId(String(row['order_id']))
      // First, every change whose turn has come is decided, because such a change is not discarded. The order may
      // already be stored although its waiting changes have not been decided yet.
      const { undecided } = await turns.take([orderId], by.at)
      const isUndecidable = undecided.some((change) => change.changeId === changeId)
      const [[result] = []] = await query(DISCARD_CHANGE, {
        ...actParameters(changeId, by),
        isUndecidable: int(isUndecidable ? 1 : 0),
      })
      if (result?.['is_discarded'] !== true) throw changeNotDiscardable()
      return (await turns.take([orderId], by.at)).undecided
    },
    async restore(letterId, by) {
      const letter = await act(RESTORE, letterId, 'discarded', by)
      if (letter.state === 'discarded') throw orderOfLetterArchived()
      return letter
    },
    async recordEdit(letterId, value, by) {
      const letter = await act(RECORD_EDIT, letterId, 'dead', by, { value: bytes(value) })
      if (letter.change !== undefined && letter.foreign === null) throw changeNotEditable()
      return letter
    },
    markEdited: (letterId, by) => act(MARK_EDITED, letterId, undefined, by),
  }
}

/** The position in a letter's id; undefined if the id is malformed or the columns cannot hold the position. */
function placeOf(id: string): (RecordPosition & { readonly id: string }) | undefined {
  const place = parseDeadLetterId(id)
  const fits = place !== undefined && place.topic.length <= TOPIC_UNITS && place.partition <= MAX_PARTITION
  return fits ? { id, ...place } : undefined
}
