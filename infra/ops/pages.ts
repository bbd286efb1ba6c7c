import type { Page } from '../../shared/ports/order-views.ts'
import { text, type CommandContext } from './command.ts'

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

export function tellOfMore({ print }: CommandContext, { nextCursor }: Page<unknown>): void {
  if (nextCursor !== null) print(`\nThere is more: --cursor ${nextCursor}`)
}
