import type { Page } from '../../shared/ports/order-views.ts'
import { EXIT, text, type CommandContext, type ExitCode } from './command.ts'
import { table } from './table.ts'

export const PAGE = {
  limit: { type: 'string', help: 'at most this many, 1 to 200 (50)' },
  cursor: { type: 'string', help: 'the page after this one; the page before says which' },
} as const

/** The given options as a query; `parameterNames` has the API's names where they differ. */
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

/**
 * Asks for a page of a list and prints it: with --json as the API answers it, else as a table with a row for each item. A
 * narrow terminal gets fewer of the optional columns.
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the answer is JSON: its type is given here, once
export async function showPage<T>(
  context: CommandContext,
  path: string,
  { header, optional = [] }: { header: readonly string[]; optional?: readonly string[] },
  toRow: (item: T) => readonly (string | number | null | undefined)[],
): Promise<ExitCode> {
  const page = (await context.client.request('GET', path)) as Page<T>
  if (context.json) {
    context.print(JSON.stringify(page))
    return EXIT.ok
  }
  context.print(table(header, page.items.map(toRow), undefined, optional))
  if (page.nextCursor !== null) context.print(`\nThere is more: --cursor ${page.nextCursor}`)
  return EXIT.ok
}

/** Sends the request once for each page of its answer. */
export async function* pagesOf<T extends { readonly nextCursor: string | null }>(
  { client }: CommandContext,
  path: string,
  body: unknown,
): AsyncGenerator<T> {
  for (let cursor: string | null = ''; cursor !== null;) {
    const query: string = cursor === '' ? '' : `?cursor=${encodeURIComponent(cursor)}`
    const page = (await client.request('POST', path + query, body)) as T
    yield page
    cursor = page.nextCursor
  }
}
