import { expect } from 'vitest'
import { findMarks } from './marks.ts'
import type { Forgetting, Sending, Shop } from './shop.ts'

/**
 * Whether the customer was forgotten after the product had received the data. Undefined if sending and
 * forgetting overlapped, or if a request to forget the customer failed but may have taken effect.
 */
export function wasForgotten(sending: Sending | undefined, forgettings: readonly Forgetting[]): boolean | undefined {
  if (sending === undefined) return undefined
  const later = forgettings.filter((one) => one.customerId === sending.customerId && one.to >= sending.from)
  if (later.length === 0) return false
  return sending.onItsWay === 0 && later.some((one) => one.isDone && sending.to < one.from) ? true : undefined
}

/**
 * Expects no file under the directory to contain data that `forgettings` removed. Returns how many of the orders,
 * addresses and cancellations that were sent to the product have been forgotten.
 */
export function expectForgotten(directory: string, shop: Shop, forgettings: readonly Forgetting[]): number {
  const gone = [...shop.sendings.values()].filter((sending) => wasForgotten(sending, forgettings) === true)
  expect(findMarks(directory, new Map(gone.map(({ mark, what }) => [mark, what])))).toEqual([])
  return gone.length
}
