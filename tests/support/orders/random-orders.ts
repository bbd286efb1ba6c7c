import type { NewOrderCommand, OrderItem } from '../../../shared/domain/order-commands.ts'
import { CURRENCIES, PAYMENT_METHODS } from '../../../shared/domain/order-choices.ts'
import type { Random } from '../random.ts'

/** Strings that often cause faults in encoding, escaping or full-text search. */
const NAMES = ['Alex', 'Łukasz', 'Zoë', "O'Neill", '李', 'Ana "Bo" C', 'Q\\R', '👩🏽‍🚀 Mae', 'e\u0301lan', 'AND OR NOT *']

/** A valid order in its stored form, in which the enumerations are names, not numbers. `markOf` returns its `mark`. */
export function randomOrder(random: Random, mark: string, maxItems = 20): NewOrderCommand {
  return {
    customerId: random.chance(0.02) ? Number.MAX_SAFE_INTEGER : random.whole(1000, 9999),
    customerName: random.pick(NAMES),
    customerLastName: random.pick(NAMES),
    customerEmail: random.chance(0.1) ? '' : `${mark}@example.com`,
    shippingAddress: `${random.whole(1, 99)} Sample Street\n${random.pick(NAMES)}`,
    billingAddress: `order ${mark}`,
    currencyType: random.pick(CURRENCIES),
    totalPrice: amount(random),
    paymentMethodType: random.pick(PAYMENT_METHODS),
    orderItems: Array.from({ length: random.whole(1, maxItems) }, () => randomItem(random)),
    ...(random.chance(0.3) && { reference: `${random.pick(NAMES)} ${mark}` }),
    ...(random.chance(0.3) && { metadata: { 'a.mark': mark, name: random.pick(NAMES) } }),
  }
}

export function markOf({ billingAddress }: { readonly billingAddress?: string }): string {
  return billingAddress?.replace(/^order /, '') ?? ''
}

function randomItem(random: Random): OrderItem {
  return {
    itemCode: `I-${random.whole(1, 500)}`,
    brand: random.pick(NAMES),
    type: random.pick(['Shirt', 'Shoes', 'Hat']),
    size: random.pick(['', 'S', 'M', '42½']),
    colour: random.pick(['', 'Blue', 'Grün']),
    quantity: random.chance(0.02) ? 2_147_483_647 : random.whole(1, 9),
    price: amount(random),
    currencyType: random.pick(CURRENCIES),
  }
}

/** An amount with up to four decimal places; occasionally the largest amount. */
function amount(random: Random): number {
  return random.chance(0.02) ? 9_999_999_999.9999 : random.whole(0, 99_999_999) / 10 ** random.whole(0, 4)
}
