import type { NewOrderCommand } from '../../../domain/order-commands.ts'
import { orderWords } from '../../../domain/search/search-words.ts'
import { toSqlAmount } from '../database/values.ts'

/** The content of an order without its items, as the statements that insert orders read it. */
export function toContentJson(order: NewOrderCommand) {
  const { customerId, customerName, customerLastName, customerEmail, shippingAddress, billingAddress } = order
  return {
    customerId,
    customerName,
    customerLastName,
    customerEmail,
    shippingAddress,
    billingAddress,
    currency: order.currencyType,
    totalPrice: toSqlAmount(order.totalPrice),
    paymentMethod: order.paymentMethodType,
    reference: order.reference ?? null,
    metadata: order.metadata === undefined ? null : JSON.stringify(order.metadata),
    ...toMarkJson(order),
  }
}

/** Marks an order from which personal data was removed. Other orders get no mark, so that their JSON stays short. */
export function toMarkJson({ forgotten }: Pick<NewOrderCommand, 'forgotten'>): { readonly forgotten?: true } {
  return forgotten === true ? { forgotten } : {}
}

/** The rows of ITEMS_OF_BATCH. */
export function toItemsJson(i: number, items: NewOrderCommand['orderItems']) {
  return items.map(({ itemCode, brand, type, size, colour, quantity, price, currencyType: currency }, line) => {
    return { i, line, itemCode, brand, type, size, colour, quantity, price: toSqlAmount(price), currency }
  })
}

/** The words by which searches find the order: index of the order, word, and whether the word is in a name. */
export function toWordsJson(
  i: number,
  orderId: string,
  order: NewOrderCommand,
): [i: number, word: string, inName: 0 | 1][] {
  return [...orderWords(orderId, order)].map(([word, inName]) => [i, word, inName ? 1 : 0])
}
