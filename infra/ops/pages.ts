import type { Page } from '../../shared/ports/order-views.ts'
import { EXIT, text, type CommandContext, type ExitCode } from './command.ts'
import { table } from './table.ts'

export const PAGE = {
  limit: { type: 'string', help: 'at most this many, 1 to 200 (50)' },
  cursor: { type: 'string', help: 'goes on after a page, as that page said' },
} as const

/** The options that were given as a query, by the names of the API's parameters where those differ. */
export function query(
  context: CommandContext,
  options: readonly string[],
  parameterNames: Readonly<Record<string, string>> = {},
): string {
  const parameters = new URLSearchParams()
  for (const option of options) {
    const value = text(context, option)
    if (value !== undefined) parameters.set(parameterNames[option] ?? option, value)
  }
  return parameters.size === 0 ? '' : `?${parameters.toString()}`
}

/** A page of a list: as the API answers it with --json, else a table with a row for each item. A narrow terminal
 * gets fewer of the columns that are optional. */
export function showPage<T>(
  context: CommandContext,
  page: Page<T>,
  { header, optional = [] }: { header: readonly string[]; optional?: readonly string[] },
  toRow: (item: T) => readonly (string | number | null | undefined)[],
): ExitCode {
  if (context.json) {
    context.print(JSON.stringify(page))
    return EXIT.ok
  }
  context.print(table(header, page.items.map(toRow), undefined, optional))
  if (page.nextCursor !== null) context.print(`\nThere is more: --cursor ${page.nextCursor}`)
  return EXIT.ok
}
