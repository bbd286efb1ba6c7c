import { z } from 'zod'
import { fromTenThousandths, MAX_AMOUNT, toTenThousandths } from '../money.ts'
import { expected } from '../violations.ts'

function hasFourDecimalsAtMost(amount: number): boolean {
  return fromTenThousandths(toTenThousandths(amount)) === amount
}

export const amountSchema = z
  .number({ error: expected('must be a number') })
  .min(0, { error: 'must not be negative' })
  .max(MAX_AMOUNT, { error: `must be at most ${MAX_AMOUNT}` })
  .refine(hasFourDecimalsAtMost, { error: 'must have at most 4 decimal places' })
  // Described in words, because validators evaluate `multipleOf` in binary floating point and refuse 187.35.
  .meta({ description: 'An amount of money with at most 4 decimal places. It is kept exactly, without rounding.' })
