import type { DatabaseSync } from 'node:sqlite'
import { parseDeadLetterId, type DeadLetterSummary, type KeptDeadLetter } from '../../../ports/dead-letters.ts'
import type { UndecidableChange } from '../../../ports/order-store.ts'
import type { Act } from '../../../ports/redrives.ts'
import {
  changeNotDiscardable,
  changeNotEditable,
  letterNotFound,
  orderOfLetterArchived,
  wrongLetterState,
} from '../../stores/letters.ts'
import { prepareTombstones } from '../archive/tombstones.ts'
import { inTransaction } from '../database/database.ts'
import { prepareOrderChanges } from '../changes/order-changes.ts'
import { prepareTurns } from '../changes/turns.ts'
import { prepareDeadLetterQueries } from './dead-letters.ts'
import { prepareAudit } from './audit.ts'
import { toIdBytes, toIdBytesOrNull, toMs } from '../database/values.ts'

/** Operators' actions on single dead letters and waiting changes. Each is one transaction (port Redrives). */
export interface OperatorCommands {
  discardLetter(letterId: string, act: Act): KeptDeadLetter
  /** Discards the letters whose state is `dead`, all in one transaction. Returns how many letters were discarded. */
  discardLetters(letterIds: readonly string[], act: Act): number
  restoreLetter(letterId: string, act: Act): KeptDeadLetter
  recordEdit(letterId: string, value: Uint8Array, act: Act): KeptDeadLetter
  markEdited(letterId: string, act: Act): KeptDeadLetter
  /** Returns the order's next change if that change could not be decided. */
  discardChange(changeId: string, act: Act): readonly UndecidableChange[]
}

const KEY = 'topic = ? AND partition = ? AND record_offset = ?'
const MOVE_LETTER = `UPDATE dead_letters SET state = ?, settled_at = ? WHERE ${KEY} AND state = ?`
const MOVE_PARKED = `UPDATE parked_records SET state = ?, updated_at = ? WHERE group_id = ? AND ${KEY} AND state = ?`
const EDIT = `UPDATE dead_letters SET edited_value = ? WHERE ${KEY}`
/**
 * Discards an order once its last open letter is discarded. Uses the unique index on order_id, and
 * dead_letters_by_order.
 */
const DISCARD_ORDER = `
  UPDATE order_states SET status = 'discarded', updated_at = ?2 WHERE order_id = ?1 AND status = 'dead-lettered'
  AND NOT EXISTS (SELECT 1 FROM dead_letters
    WHERE order_id = ?1 AND change_id IS NULL AND state IN ('dead', 'redriven') AND foreign_failure IS NULL)`
const RESTORE_ORDER = `
  UPDATE order_states SET status = 'dead-lettered', updated_at = ?2 WHERE order_id = ?1 AND status = 'discarded'`

export function prepareOperatorCommands(db: DatabaseSync): OperatorCommands {
  const letters = prepareDeadLetterQueries(db)
  const audit = prepareAudit(db)
  const tombstones = prepareTombstones(db)
  const changes = prepareOrderChanges(db, tombstones)
  const turns = prepareTurns(db, changes)
  const moveLetter = db.prepare(MOVE_LETTER)
  const moveParked = db.prepare(MOVE_PARKED)
  const edit = db.prepare(EDIT)
  const discardOrder = db.prepare(DISCARD_ORDER)
  const restoreOrder = db.prepare(RESTORE_ORDER)

  function letterOf(letterId: string): KeptDeadLetter {
    const letter = letters.getLetter(letterId)
    if (letter === undefined) throw letterNotFound()
    return letter
  }

  function letterIn(state: 'dead' | 'discarded', letterId: string): KeptDeadLetter {
    const letter = letterOf(letterId)
    if (letter.state === state) return letter
    throw wrongLetterState(letter.state, state)
  }

  /** Moves a letter and its parked record to another state. */
  function move(letter: DeadLetterSummary, to: 'dead' | 'discarded', { at }: Act): void {
    const { topic, partition, offset } = letter.origin
    moveLetter.run(to, to === 'discarded' ? toMs(at) : null, ...keyOf(letter), letter.state)
    moveParked.run(to, toMs(at), letter.consumerGroup, topic, partition, offset, letter.state)
  }

  function discard(letter: DeadLetterSummary, act: Act): void {
    const { orderId, change, foreign } = letter
    move(letter, 'discarded', act)
    audit.record('discard', letter.id, act)
    if (foreign !== null || orderId === null) return
    if (change === undefined) giveUpOrder(orderId, act)
    else if (changes.move(change.changeId, letter, 'discarded', act)) {
      changes.rejectBehind(change.changeId, toMs(act.at))
    }
  }

  /** Discards the order, and rejects the changes that wait for it, unless another of its letters is still open. */
  function giveUpOrder(orderId: string, act: Act): void {
    const id = toIdBytes(orderId)
    if (discardOrder.run(id, toMs(act.at)).changes === 0) return
    audit.tell(id, 'discarded', act)
    takeTurns(orderId, act)
  }

  function takeTurns(orderId: string, { at }: Act): void {
    const undecided = turns.take(orderId, toMs(at))
    if (undecided !== undefined) throw undecided.error
  }

  return {
    discardLetter(letterId, act) {
      return inTransaction(db, () => {
        discard(letterIn('dead', letterId), act)
        return letterOf(letterId)
      })
    },
    discardLetters(letterIds, act) {
      return inTransaction(db, () => {
        const dead = letterIds.filter((letterId) => {
          const letter = letters.getLetterSummary(letterId)
          if (letter?.state !== 'dead') return false
          discard(letter, act)
          return true
        })
        return dead.length
      })
    },
    restoreLetter(letterId, act) {
      return inTransaction(db, () => {
        const letter = letterIn('discarded', letterId)
        const { change } = letter
        const orderId = orderOf(letter)
        const { orderId: ofOrder, foreign } = letter
        if (foreign === null && ofOrder !== null && tombstones.ofOrder(ofOrder) !== undefined) {
          throw orderOfLetterArchived()
        }
        move(letter, 'dead', act)
        if (change !== undefined && orderId !== null) {
          changes.move(change.changeId, letter, 'dead-lettered', act)
        } else if (restoreOrder.run(orderId, toMs(act.at)).changes > 0) audit.tell(orderId, 'restored', act)
        audit.record('restore', letterId, act)
        return letterOf(letterId)
      })
    },
    recordEdit(letterId, value, act) {
      return inTransaction(db, () => {
        const letter = letterIn('dead', letterId)
        if (letter.change !== undefined) throw changeNotEditable()
        edit.run(value, ...keyOf(letter))
        audit.record('edit', letterId, act)
        return letterOf(letterId)
      })
    },
    discardChange(changeId, act) {
      return inTransaction(db, () => {
        const orderId = changes.orderOf(changeId)
        if (orderId === undefined) throw changeNotDiscardable()
        const isUndecidable = turns.take(orderId, toMs(act.at))?.changeId === changeId
        if (!changes.discardWaiting(changeId, isUndecidable, act)) throw changeNotDiscardable()
        audit.record('discard-change', changeId, act)
        const next = turns.take(orderId, toMs(act.at))
        return next === undefined ? [] : [next]
      })
    },
    markEdited(letterId, act) {
      return inTransaction(db, () => {
        const letter = letterOf(letterId)
        // The edited record may be stored, and the letter resolved, before the sender reports the record as sent.
        moveLetter.run('redriven', null, ...keyOf(letter), 'dead')
        audit.tell(orderOf(letter), 'edited', act)
        return letterOf(letterId)
      })
    },
  }
}

/** The order whose status and history depend on the letter; null for a foreign letter. */
function orderOf({ orderId, foreign }: DeadLetterSummary): Uint8Array | null {
  return foreign === null ? toIdBytesOrNull(orderId) : null
}

/** The position that is the key of the letter in the store. */
function keyOf({ id, origin }: DeadLetterSummary): readonly [topic: string, partition: number, offset: number] {
  const { topic, partition, offset } = parseDeadLetterId(id) ?? origin
  return [topic, partition, offset]
}
