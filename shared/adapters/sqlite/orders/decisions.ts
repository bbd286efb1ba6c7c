import type { DatabaseSync } from 'node:sqlite'
import { parseDeadLetterId, type DeadLetterState } from '../../../ports/dead-letters.ts'
import type { RecordPosition } from '../../../ports/event-log.ts'
import type { ParkedState } from '../../../ports/ledger.ts'
import type { ChangeToStore, ParkedRecord } from '../../../ports/order-store.ts'
import type { ParsedOrder } from '../../stores/parsed-orders.ts'
import { toIdBytes, toIdBytesOrNull } from '../database/values.ts'

/**
 * Operators' decisions about dead letters, and their effect on records that are delivered again. Decisions are read
 * from the letters and from the status of the order, because both survive a ledger reset.
 */
export interface Decisions {
  /**
   * The status of an order that is not stored. Undefined if the order is stored or unknown, which is nearly always the
   * case.
   */
  statusOf(orderId: string): OrderStatus | undefined
  /**
   * The state that the record's parked row gets if a decision keeps the record from being stored; undefined if the
   * record may be stored. `status` is the order's status.
   */
  against(order: ParsedOrder, status: OrderStatus): ParkedState | undefined
  /**
   * Like `against`, but for a change that the store knows. `isDiscarded` says whether an operator discarded the change.
   */
  againstChange(change: ChangeToStore, isDiscarded: boolean): ParkedState | undefined
  /**
   * The state in which to park a record that has no parked row although its letter is already settled; undefined if the
   * letter is not settled.
   */
  ofParked(record: Pick<ParkedRecord, 'origin' | 'orderId' | 'change'>): ParkedState | undefined
  /**
   * Whether another record has replaced this origin's record: an edit of its letter was sent, or its redriven record
   * was dead-lettered again.
   */
  isReplaced(origin: RecordPosition, orderId: string): boolean
  /** The counterpart of `isReplaced` for the letter that a record redrives. */
  isLetterReplaced(letter: RecordPosition, orderId: string): boolean
  /** Whether an operator discarded the order. */
  isDiscarded(orderId: string): boolean
}

type OrderStatus = 'retrying' | 'dead-lettered' | 'discarded'

/** Uses the unique index on order_id. A new order needs only this one lookup. */
const SELECT_STATUS = 'SELECT status FROM order_states WHERE order_id = ?'
const LETTER = `
  SELECT state, edited_value IS NOT NULL AS is_edited, foreign_failure IS NOT NULL AS is_foreign FROM dead_letters`
/**
 * The letter at this position, if it belongs to this order or if its order could not be read. Uses the unique index on
 * the position.
 */
const SELECT_SENT = `${LETTER}
  WHERE topic = ? AND partition = ? AND record_offset = ? AND (order_id IS NULL OR order_id = ?)
    AND (change_id IS NULL OR change_id = ?)`
/**
 * This record's own letter, rather than the letter of another log's record at the same position. Uses
 * dead_letters_by_order.
 */
const SELECT_OWN = `${LETTER}
  WHERE order_id = ?4 AND change_id IS ?5 AND partition = ?2 AND record_offset = ?3
    AND (topic = ?1 OR substr(topic, 1, length(?1) + 1) = ?1 || '@')`
/** The letter of a record whose order id could not be read. */
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

  const statusOf = (orderId: string) => selectStatus.get(toIdBytes(orderId))?.['status'] as OrderStatus | undefined

  function sentLetter(letter: RecordPosition, orderId: string, changeId?: string): LetterRow | undefined {
    const { topic, partition, offset } = letter
    const ids = [toIdBytes(orderId), toIdBytesOrNull(changeId)] as const
    return selectSent.get(topic, partition, offset, ...ids) as LetterRow | undefined
  }

  function ownLetter(origin: RecordPosition, orderId: string | null, changeId?: string): LetterRow | undefined {
    const { topic, partition, offset } = origin
    const row =
      orderId === null
        ? selectNameless.get(topic, partition, offset)
        : selectOwn.get(topic, partition, offset, toIdBytes(orderId), toIdBytesOrNull(changeId))
    return row as LetterRow | undefined
  }

  function against(
    { orderId, origin }: Pick<ParsedOrder, 'orderId' | 'origin'>,
    mark: string | null,
    isDiscarded: boolean,
    changeId?: string,
  ): ParkedState | undefined {
    const redriven = mark === null ? undefined : parseDeadLetterId(mark)
    const letter = redriven && sentLetter(redriven, orderId, changeId)
    // A decision about another consumer's letter does not concern our order.
    const sent = letter?.is_foreign === 1 ? undefined : letter?.state
    const own = ownLetter(origin, orderId, changeId)
    if (own?.state === 'discarded' || sent === 'discarded') return 'discarded'
    if (own?.state === 'superseded') return 'redriven'
    // The redrive is the newest decision, so it prevails.
    if (sent === 'dead' || sent === 'redriven') return undefined
    if (isDiscarded) return 'discarded'
    return own?.is_edited === 1 && own.state !== 'resolved' ? 'dead' : undefined
  }

  return {
    statusOf,
    against: (order, status) => against(order, order.redriveOf ?? order.supersedes, status === 'discarded'),
    againstChange: (change, isDiscarded) => against(change, change.redriveOf, isDiscarded, change.changeId),
    ofParked({ origin, orderId, change }) {
      const state = ownLetter(origin, orderId, change?.changeId)?.state
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
