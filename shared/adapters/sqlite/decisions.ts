import type { DatabaseSync } from 'node:sqlite'
import { parseDeadLetterId, type DeadLetterState } from '../../ports/dead-letters.ts'
import type { RecordPosition } from '../../ports/event-log.ts'
import type { ParkedState } from '../../ports/ledger.ts'
import type { OrderToStore } from '../../ports/order-store.ts'
import { toIdBytes } from './values.ts'

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
  /** Whether an operator gave the order up. */
  isDiscarded(orderId: string): boolean
}

/** By the unique index of order_id: one look for an order that is new. */
const SELECT_STATUS = 'SELECT status FROM order_states WHERE order_id = ?'
/** By the unique index of places. Another order's letter there is one of an earlier log. */
const SELECT_LETTER = `
  SELECT state, edited_value IS NOT NULL AS is_edited, foreign_failure IS NOT NULL AS is_foreign FROM dead_letters
  WHERE topic = ? AND partition = ? AND record_offset = ? AND (order_id IS NULL OR order_id = ?)`

interface LetterRow {
  readonly state: DeadLetterState
  readonly is_edited: number
  readonly is_foreign: number
}

export function prepareDecisions(db: DatabaseSync): Decisions {
  const selectStatus = db.prepare(SELECT_STATUS)
  const selectLetter = db.prepare(SELECT_LETTER)

  const statusOf = (orderId: string) => selectStatus.get(toIdBytes(orderId))?.['status']

  function letterAt({ topic, partition, offset }: RecordPosition, orderId: string | null): LetterRow | undefined {
    const id = orderId === null ? null : toIdBytes(orderId)
    return selectLetter.get(topic, partition, offset, id) as LetterRow | undefined
  }

  return {
    against({ orderId, origin, redriveOf, supersedes }) {
      const status = statusOf(orderId)
      if (status === undefined) return undefined
      const mark = redriveOf ?? supersedes
      const redriven = mark === null ? undefined : parseDeadLetterId(mark)
      const letter = redriven && letterAt(redriven, orderId)
      // What is decided about another consumer's letter decides nothing about our order.
      const sent = letter?.is_foreign === 1 ? undefined : letter?.state
      const own = letterAt(origin, orderId)
      if (own?.state === 'discarded' || sent === 'discarded') return 'discarded'
      if (own?.state === 'superseded') return 'redriven'
      // A letter that was sent back, or is being sent, is the newest decision.
      if (sent === 'dead' || sent === 'redriven') return undefined
      if (status === 'discarded') return 'discarded'
      return own?.is_edited === 1 && own.state !== 'resolved' ? 'dead' : undefined
    },
    ofParked(origin, orderId) {
      const state = letterAt(origin, orderId)?.state
      if (state === 'discarded') return 'discarded'
      return state === 'superseded' || state === 'resolved' ? 'redriven' : undefined
    },
    isReplaced(origin, orderId) {
      const letter = letterAt(origin, orderId)
      if (letter?.state === 'superseded') return true
      return letter?.is_edited === 1 && (letter.state === 'redriven' || letter.state === 'resolved')
    },
    isDiscarded: (orderId) => statusOf(orderId) === 'discarded',
  }
}
