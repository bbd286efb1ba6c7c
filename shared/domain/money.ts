import { z } from 'zod'
import { expected } from './violations.ts'

/**
 * An amount with at most four decimals, from 0 to 9,999,999,999.9999: fourteen significant digits, which both a JSON
 * number (an IEEE 754 double) and SQL Server's DECIMAL(19,4) represent exactly.
 */
export const MAX_AMOUNT = 9_999_999_999.9999

/**
 * An amount as an integer number of ten-thousandths, so that amounts are added, compared and stored without rounding.
 */
export function toTenThousandths(amount: number): number {
  return Math.round(amount * 10_000)
}

export function fromTenThousandths(tenThousandths: number): number {
  return tenThousandths / 10_000
}

function hasFourDecimalsAtMost(amount: number): boolean {
  return fromTenThousandths(toTenThousandths(amount)) === amount
}

export const amountSchema = z
  .number({ error: expected('must be a number') })
  .min(0, { error: 'must not be negative' })
  .max(MAX_AMOUNT, { error: `must be at most ${MAX_AMOUNT}` })
  .refine(hasFourDecimalsAtMost, { error: 'must have at most 4 decimals' })
  // Described in words, because validators compute `multipleOf` in binary fractions and refuse 187.35.
  .meta({ description: 'An amount of money with at most 4 decimals, carried exactly.' })
