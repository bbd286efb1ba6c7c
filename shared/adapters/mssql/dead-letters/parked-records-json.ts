import { deadLetterId } from '../../../ports/dead-letters.ts'
import type { ParkedRecord } from '../../../ports/order-store.ts'
import { toRounds } from '../orders/rounds.ts'
import { CODE_UNITS } from '../database/columns.ts'
import { cut, toSqlTime } from '../database/values.ts'
import { toMarkJson, toWordsJson } from '../orders/content-json.ts'

export interface Parking {
  readonly record: ParkedRecord
  readonly groupId: string
  readonly parkedAt: string
}

/** The part of a statement's JSON that DECLARE_PARKED reads. */
export function toParkedJson(parkings: readonly Parking[]) {
  const rounds = toRounds(parkings, ({ record: { origin, orderId } }) => [deadLetterId(origin), orderId])
  return {
    parked: parkings.map(({ record, groupId, parkedAt }, i) => ({
      i,
      round: rounds[i],
      groupId,
      ...record.origin,
      orderId: record.orderId,
      state: record.state,
      attempt: record.attempt,
      maxAttempts: record.maxAttempts,
      nextAttemptAt: record.nextAttemptAt === null ? null : toSqlTime(record.nextAttemptAt),
      causeCode: cut(record.cause.code, CODE_UNITS),
      causeDetail: record.cause.detail,
      acceptedAt: record.acceptedAt === null ? null : toSqlTime(record.acceptedAt),
      parkedAt: toSqlTime(parkedAt),
      ...toContent(record.order),
    })),
    parkedWords: parkings.flatMap(({ record: { order, orderId } }, i) =>
      order === null || orderId === null ? [] : toWordsJson(i, orderId, order),
    ),
  }
}

function toContent(order: ParkedRecord['order']) {
  if (order === null) return {}
  return {
    orderJson: JSON.stringify(order),
    customerId: order.customerId,
    currency: order.currencyType,
    paymentMethod: order.paymentMethodType,
    reference: order.reference ?? null,
    ...toMarkJson(order),
  }
}
