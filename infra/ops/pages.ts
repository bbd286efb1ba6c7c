import type { Page } from '../../shared/ports/order-views.ts'
import { given, type CommandContext, type Outcome } from './command.ts'
import { table } from './table.ts'

export const PAGE = {
  limit: { type: 'string', help: 'at most this many, 1 to 200 (default: 50)' },
  cursor: { type: 'string', help: 'continues a list; each page ends with the cursor of the next' },
} as const

/** The given options as a query string. `parameterNames` maps options to the API's names where these differ. */
export function query(
  context: CommandContext,
  options: readonly string[],
  parameterNames: Readonly<Record<string, string>> = {},
): string {
  const parameters = new URLSearchParams()
  for (const [name, value = ''] of Object.entries(given(context, ...options))) {
    parameters.set(parameterNames[name] ?? name, value)
  }
  return parameters.size === 0 ? '' : `?${parameters.toString()}`
}

/**
 * Gets a page of a list. Without `--json`, the page is printed as a table with a row for each item. On a narrow
 * terminal, some optional columns are left out.
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the type of the JSON is stated here, once
export async function showPage<T>(
  { client }: CommandContext,
  path: string,
  { header, optional = [] }: { header: readonly string[]; optional?: readonly string[] },
  toRow: (item: T) => readonly (string | number | null | undefined)[],
): Promise<Outcome> {
  const page = (await client.request('GET', path)) as Page<T>
  const more = page.nextCursor === null ? '' : `\n\nThere is more: --cursor ${page.nextCursor}`
  return { answer: page, words: table(header, page.items.map(toRow), undefined, optional) + more }
}

/** Sends the request once for each page of the response. */
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
