import type { ArchivedOrder } from '../../../domain/archived-order.ts'
import { CODE_UNITS } from '../database/columns.ts'
import { cut, toSqlTime } from '../database/values.ts'
import { toContentJson, toItemsJson, toMarkJson, toWordsJson } from '../orders/content-json.ts'

/** The JSON that RESTORE_ORDERS (restore-sql.ts) reads. `i` is the index of the order. */
export function toRestoreJson(orders: readonly ArchivedOrder[]) {
  const changes = orders.flatMap(({ changes }, i) => changes.map((change) => ({ i, change })))
  return {
    orders: orders.map(toOrderJson),
    items: orders.flatMap(({ order, stored }, i) =>
      order === null || stored === null ? [] : toItemsJson(i, order.orderItems),
    ),
    words: orders.flatMap(({ orderId, order }, i) => (order === null ? [] : toWordsJson(i, orderId, order))),
    states: orders.flatMap((order, i) => toStateJson(order, i)),
    // The statement does not read the elements for stored orders.
    stateOrders: orders.map(({ order, discarded }) => (discarded === null ? null : order)),
    changes: changes.map(({ i, change }, n) => {
      const { changeId, kind, state, bodyHash, idempotencyKeyHash, origin, version, cause, attempt } = change
      return {
        n,
        i,
        changeId,
        kind,
        state,
        bodyHash,
        keyHash: idempotencyKeyHash,
        ...origin,
        acceptedAt: timeOf(change.acceptedAt),
        updatedAt: toSqlTime(change.updatedAt),
        version,
        ...causeOf(cause),
        attempt,
      }
    }),
    events: changes.map(({ change }) => change.change),
    history: orders
      .flatMap(({ history }, i) => history.map((entry) => ({ i, entry })))
      .map(({ i, entry: { at, kind, attempt, nextAttemptAt, cause, reason, changeId, version } }, n) => ({
        n,
        i,
        at: toSqlTime(at),
        kind,
        attempt,
        nextAttemptAt: timeOf(nextAttemptAt),
        ...causeOf(cause),
        reason,
        changeId,
        version,
      })),
  }
}

function toOrderJson({ orderId, acceptedAt, order, stored }: ArchivedOrder, i: number) {
  if (order === null || stored === null) {
    const customer = order !== null && { customerId: order.customerId, ...toMarkJson(order) }
    return { i, orderId, isStored: false, keyHash: null, acceptedAt: toSqlTime(acceptedAt), ...customer }
  }
  return {
    i,
    orderId,
    isStored: true,
    ...toContentJson(order),
    acceptedAt: toSqlTime(acceptedAt),
    storedAt: toSqlTime(stored.storedAt),
    ...stored.origin,
    bodyHash: stored.bodyHash,
    keyHash: stored.idempotencyKeyHash,
    recovered: stored.recovered,
    version: stored.version,
    cancelledAt: timeOf(stored.cancelledAt),
    cancellationReason: stored.cancellationReason,
  }
}

function toStateJson({ acceptedAt, order, discarded }: ArchivedOrder, i: number) {
  if (discarded === null) return []
  const { attempt, maxAttempts, cause, updatedAt } = discarded
  const state = {
    i,
    attempt,
    maxAttempts,
    ...causeOf(cause),
    acceptedAt: toSqlTime(acceptedAt),
    updatedAt: toSqlTime(updatedAt),
    customerId: order?.customerId ?? null,
    currency: order?.currencyType ?? null,
    paymentMethod: order?.paymentMethodType ?? null,
    reference: order?.reference ?? null,
  }
  return [state]
}

function causeOf(cause: { readonly code: string; readonly detail: string } | null) {
  return { causeCode: cause === null ? null : cut(cause.code, CODE_UNITS), causeDetail: cause?.detail ?? null }
}

function timeOf(time: string | null): string | null {
  return time === null ? null : toSqlTime(time)
}
