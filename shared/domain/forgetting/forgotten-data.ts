import type { Amendment, OrderChange } from '../changes/order-changes.ts'
import type { NewOrderCommand } from '../order-commands.ts'

/**
 * The members that hold personal data, each with its replacement once the customer has been forgotten. The log's schema
 * and the tables require at least one character in each member except the e-mail address. Views leave these members
 * out.
 */
export const FORGOTTEN = {
  customerName: '-',
  customerLastName: '-',
  customerEmail: '',
  shippingAddress: '-',
  billingAddress: '-',
} as const satisfies Partial<NewOrderCommand>

/**
 * The order without personal data. The caller's `reference` and `metadata` are removed too, because they may contain
 * anything. Ids, amounts and items are kept, because the law requires it.
 */
export function forgetOrder(order: NewOrderCommand): NewOrderCommand {
  const { reference: _, metadata: __, ...rest } = order
  return { ...rest, ...FORGOTTEN, forgotten: true }
}

/** The change without personal data. A cancellation's reason is removed, because it is free text from the caller. */
export function forgetChange(change: OrderChange): OrderChange {
  if (change.kind === 'cancel') {
    const { reason: _, ...rest } = change
    return { ...rest, forgotten: true }
  }
  return { ...change, amendment: forgetAmendment(change.amendment), forgotten: true }
}

/** Replaces values but removes no member, so that the change produces the same version of the order. */
function forgetAmendment(amendment: Amendment): Amendment {
  const replaced = Object.entries(FORGOTTEN).filter(([name]) => Object.hasOwn(amendment, name))
  return { ...amendment, ...(Object.fromEntries(replaced) as Amendment) }
}

/** Whether the change has a value that `forgetChange` replaces or removes. */
export function hasPersonalData(change: OrderChange): boolean {
  if (change.kind === 'cancel') return change.reason !== undefined
  return Object.keys(change.amendment).some((name) => Object.hasOwn(FORGOTTEN, name))
}

/** The amended members that a view shows, which hold no personal data. Undefined if none are left. */
export function shownOf(amendment: Amendment): Amendment | undefined {
  const shown = Object.entries(amendment).filter(([name]) => !Object.hasOwn(FORGOTTEN, name))
  return shown.length === 0 ? undefined : Object.fromEntries(shown)
}

/**
 * Whether an order or a letter that was accepted at this time was forgotten along with its customer. An order that is
 * accepted later is not affected and keeps its data.
 */
export function isBefore(acceptedAt: string, forgottenAtMs: number): boolean {
  return !(Date.parse(acceptedAt) > forgottenAtMs)
}
