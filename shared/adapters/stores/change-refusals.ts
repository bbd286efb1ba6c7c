import type { ErrorCode } from '../../domain/errors.ts'
import type { Cause } from '../../domain/order-view.ts'
import type { Rejection } from '../../ports/order-store.ts'

/** Why a store rejects a change, apart from the reasons that the domain has (domain/changes/turns.ts). */
export const KEY_REUSED: Cause = {
  code: 'idempotency-key-reused',
  detail: 'Its Idempotency-Key belongs to another change.',
}
export const EARLIER_DISCARDED: Cause = {
  code: 'earlier-change-discarded',
  detail: 'An earlier change of the order was discarded by an operator.',
}
export const NOT_ALLOWED: Cause = {
  code: 'constraint-violated',
  detail: 'It holds a value that the store does not allow.',
}

/** The code of the failure that holds a waiting change, because its turn had come. */
export const NOT_DECIDED = 'change-not-decided' satisfies ErrorCode

/** For the record of a change whose id belongs to another change. */
export const CHANGE_ID_REUSED: Rejection = {
  kind: 'rejected',
  code: 'order-id-reused',
  detail: 'Its id belongs to another change.',
}
