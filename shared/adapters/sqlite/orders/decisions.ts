import type { DatabaseSync } from 'node:sqlite'
import { parseDeadLetterId, type DeadLetterState } from '../../../ports/dead-letters.ts'
import type { RecordPosition } from '../../../ports/event-log.ts'
import type { ParkedState } from '../../../ports/ledger.ts'
import type { OrderToStore } from '../../../ports/order-store.ts'
import { toIdBytes } from '../database/values.ts'

/**
 * What people decided about dead letters, and what therefore has to become of a record that is delivered again. Read
 * from the letters and from the order's status, which outlive a reset of the ledger.
 */
export interface Decisions {
  /** Of an order that must not be stored from this record: the state of its parked row. Undefined for any other. */
  against(order: OrderToStore): ParkedState | undefined
  /** The state in which a record is parked whose letter was decided on before the ledger heard of it. */
  ofParked(origin: RecordPosition, orderId: string | null): ParkedState | undefined
  /** Whether the letter of this origin was edited or redriven, so that another record stands in its place. */
  isReplaced(origin: RecordPosition, orderId: string): boolean
  /** The same of the letter that a record redrives. */
  isLetterReplaced(letter: RecordPosition, orderId: string): boolean
  /** Whether an operator gave the order up. */
  isDiscarded(orderId: string): boolean
}

/** By the unique index of order_id: one look for an order that is new. */
const SELECT_STATUS = 'SELECT status FROM order_states WHERE order_id = ?'
const LETTER = `
  SELECT state, edited_value IS NOT NULL AS is_edited, foreign_failure IS NOT NULL AS is_foreign FROM dead_letters`
/** The letter under this id, of this order or of one that nobody could read. By the unique index of places. */
const SELECT_SENT = `${LETTER}
  WHERE topic = ? AND partition = ? AND record_offset = ? AND (order_id IS NULL OR order_id = ?)`
/** The letter of this very record. Another log may have had another at its place. By dead_letters_by_order. */
const SELECT_OWN = `${LETTER}
  WHERE order_id = ?4 AND partition = ?2 AND record_offset = ?3
    AND (topic = ?1 OR substr(topic, 1, length(?1) + 1) = ?1 || '@')`
/** The same of a record that names no order. */
const SELECT_NAMELESS = `${LETTER}
  WHERE topic = ? AND partition = ? AND record_offset = ? AND order_id IS NULL`

interface LetterRow {
  readonly state: DeadLetterState
  readonly is_edited: number
  readonly is_foreign: number
}

export function prepareDecisions(db: DatabaseSync): Decisions {
  const selectStatus = db.prepare(SELECT_STATUS)
  const selectSent = db.prepare(SELECT_SENT)
  const selectOwn = db.prepare(SELECT_OWN)
  const selectNameless = db.prepare(SELECT_NAMELESS)

  const statusOf = (orderId: string) => selectStatus.get(toIdBytes(orderId))?.['status']

  function sentLetter({ topic, partition, offset }: RecordPosition, orderId: string): LetterRow | undefined {
    return selectSent.get(topic, partition, offset, toIdBytes(orderId)) as LetterRow | undefined
  }

  function ownLetter({ topic, partition, offset }: RecordPosition, orderId: string | null): LetterRow | undefined {
    const row =
      orderId === null
        ? selectNameless.get(topic, partition, offset)
        : selectOwn.get(topic, partition, offset, toIdBytes(orderId))
    return row as LetterRow | undefined
  }

  return {
    against({ orderId, origin, redriveOf, supersedes }) {
      const status = statusOf(orderId)
      if (status === undefined) return undefined
      const mark = redriveOf ?? supersedes
      const redriven = mark === null ? undefined : parseDeadLetterId(mark)
      const letter = redriven && sentLetter(redriven, orderId)
      // What is decided about another consumer's letter decides nothing about our order.
      const sent = letter?.is_foreign === 1 ? undefined : letter?.state
      const own = ownLetter(origin, orderId)
      if (own?.state === 'discarded' || sent === 'discarded') return 'discarded'
      if (own?.state === 'superseded') return 'redriven'
      // A letter that was sent back, or is being sent, is the newest decision.
      if (sent === 'dead' || sent === 'redriven') return undefined
      if (status === 'discarded') return 'discarded'
      return own?.is_edited === 1 && own.state !== 'resolved' ? 'dead' : undefined
    },
    ofParked(origin, orderId) {
      const state = ownLetter(origin, orderId)?.state
      if (state === 'discarded') return 'discarded'
      return state === 'superseded' || state === 'resolved' ? 'redriven' : undefined
    },
    isReplaced: (origin, orderId) => isReplaced(ownLetter(origin, orderId)),
    isLetterReplaced: (letter, orderId) => isReplaced(sentLetter(letter, orderId)),
    isDiscarded: (orderId) => statusOf(orderId) === 'discarded',
  }
}

function isReplaced(letter: LetterRow | undefined): boolean {
  if (letter?.state === 'superseded') return true
  return letter?.is_edited === 1 && (letter.state === 'redriven' || letter.state === 'resolved')
}
