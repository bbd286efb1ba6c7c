/** Text from records can contain anything, so its line breaks and escape sequences must not reach the terminal. */
const CONTROL = /\p{Cc}+/gu
/** The width reserved for the last column, which shows causes and reasons. */
const ROOM_FOR_LAST = 24

type Cell = string | number | null | undefined

/**
 * A human-readable table. Columns are as wide as their widest cell, numbers are right-aligned, unknown values are shown
 * as dashes, and lines are truncated to `width`. If the table is too wide, optional columns are left out in the order
 * given, and a line below the table names them.
 */
export function table(
  header: readonly string[],
  rows: readonly (readonly Cell[])[],
  width = terminalWidth(),
  optional: readonly string[] = [],
): string {
  const cells = rows.map((row) => row.map((cell) => (isKnown(cell) ? String(cell).replaceAll(CONTROL, ' ') : '-')))
  const widths = header.map((name, column) => Math.max(name.length, ...cells.map((row) => row[column]?.length ?? 0)))
  const isNumber = header.map((_, column) => {
    const known = rows.map((row) => row[column]).filter(isKnown)
    return known.length > 0 && known.every((cell) => typeof cell === 'number')
  })
  const { columns, leftOut } = fitting(header, widths, width, optional)
  const line = (row: readonly string[]) =>
    columns
      .map((column) => {
        const [cell = '', room = 0] = [row[column], widths[column]]
        return isNumber[column] ? cell.padStart(room) : cell.padEnd(room)
      })
      .join('  ')
      .trimEnd()
  const lines = [line(header), ...cells.map(line)].map((text) => cut(text, width))
  if (leftOut.length > 0) lines.push(cut(`(no room for: ${leftOut.join(', ')})`, width))
  return lines.join('\n')
}

/** NaN, such as the median of an empty list, counts as unknown. */
function isKnown(cell: Cell): cell is string | number {
  return typeof cell === 'number' ? Number.isFinite(cell) : cell !== null && cell !== undefined
}

/** The columns that are shown, by index, and the names of the others. */
function fitting(header: readonly string[], widths: readonly number[], width: number, optional: readonly string[]) {
  const leftOut: string[] = []
  const shown = () => [...header.keys()].filter((column) => !leftOut.includes(header[column] ?? ''))
  const needed = () => {
    const taken = shown().map((column) => widths[column] ?? 0)
    const last = taken.pop() ?? 0
    return taken.reduce((total, one) => total + one + 2, 0) + Math.min(last, ROOM_FOR_LAST)
  }
  for (const name of optional) {
    if (needed() <= width) break
    leftOut.push(name)
  }
  return { columns: shown(), leftOut }
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`
}

export function causeText({ code, detail }: { readonly code: string; readonly detail: string }): string {
  return `${code}: ${detail}`
}

/** Removes the fractional seconds from an RFC 3339 timestamp. */
export function toSecond(time: string): string {
  return time.replace(/\.\d+Z$/, 'Z')
}

/** Infinite for piped output, and for terminals that report a width of 0. */
function terminalWidth(): number {
  return (process.stdout.isTTY && process.stdout.columns) || Number.POSITIVE_INFINITY
}
