/** Texts of records may hold anything: a line break or an escape sequence must not reach a terminal. */
const CONTROL = /\p{Cc}+/gu

/** A table for people: columns as wide as their widest cell, numbers to the right, lines cut to the terminal. */
export function table(
  header: readonly string[],
  rows: readonly (readonly (string | number | null | undefined)[])[],
  width = terminalWidth(),
): string {
  const cells = rows.map((row) =>
    row.map((cell) => (cell === null || cell === undefined ? '-' : String(cell).replaceAll(CONTROL, ' '))),
  )
  const widths = header.map((name, column) => Math.max(name.length, ...cells.map((row) => row[column]?.length ?? 0)))
  const isNumber = header.map((_, column) => {
    const known = rows.map((row) => row[column]).filter((cell) => cell !== null && cell !== undefined)
    return known.length > 0 && known.every((cell) => typeof cell === 'number')
  })
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (isNumber[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd()
  return [line(header), ...cells.map(line)].map((text) => text.slice(0, width)).join('\n')
}

/** What is piped on is not cut. A terminal that does not know its width says 0. */
function terminalWidth(): number {
  return (process.stdout.isTTY && process.stdout.columns) || Number.POSITIVE_INFINITY
}
