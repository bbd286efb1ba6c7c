/**
 * An amount with at most four decimal places, from 0 to 9,999,999,999.9999: fourteen significant digits, which both a
 * JSON number (an IEEE 754 double) and SQL Server's DECIMAL(19,4) represent exactly.
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
