import type { ErrorCode } from '../../domain/errors.ts'
import type { Cause } from '../../domain/order-view.ts'
import type { Rejection } from '../../ports/order-store.ts'

/** The reasons why a store rejects a change, in addition to the domain's own reasons (domain/changes/turns.ts). */
export const KEY_REUSED: Cause = {
  code: 'idempotency-key-reused',
  detail: 'Its Idempotency-Key belongs to another change.',
}
export const EARLIER_DISCARDED: Cause = {
  code: 'earlier-change-discarded',
  detail: 'An earlier change to the order was discarded by an operator.',
}
export const ORDER_ARCHIVED: Cause = {
  code: 'order-archived',
  detail: 'The order was archived before the change was stored.',
}
export const NOT_ALLOWED: Cause = {
  code: 'constraint-violated',
  detail: 'It contains a value that the store does not allow.',
}

/**
 * The code of the only failure that takes a change out of `waiting`: its turn had come, but it could not be decided.
 */
export const NOT_DECIDED = 'change-not-decided' satisfies ErrorCode

/** The rejection of a record whose change id belongs to another change. */
export const CHANGE_ID_REUSED: Rejection = {
  kind: 'rejected',
  code: 'order-id-reused',
  detail: 'Its id belongs to another change.',
}
