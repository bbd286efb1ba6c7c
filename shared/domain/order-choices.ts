/**
 * The values that some members of an order may have. They are separate from the schema, so that the thread that runs
 * queries does not load zod.
 */
export const CURRENCIES = ['EUR', 'USD', 'GBP'] as const
export type Currency = (typeof CURRENCIES)[number]

export const PAYMENT_METHODS = ['PayPal', 'Invoice', 'OnlineBankTransfer', 'CreditCard', 'DirectDebit'] as const
export type PaymentMethod = (typeof PAYMENT_METHODS)[number]
