/** Rounds to three significant digits, but keeps all digits before the decimal point: 0.512, 3.68, 13.1, 128, 2345. */
export function rounded(value: number): number {
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)))
  return Number(value.toFixed(Math.min(digits, 3)))
}

/** Formats 302500 as 302,500. */
export function thousands(value: number): string {
  return value.toLocaleString('en')
}
