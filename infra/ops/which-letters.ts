import { given, UsageError, type CommandContext } from './command.ts'

/** The API's limit for the number of ids in one request. */
export const MAX_IDS = 1000

/** The options that select dead letters for a command that also takes ids. */
export const WHICH = {
  fingerprint: { type: 'string', help: 'all in a group' },
  code: { type: 'string', help: 'all that failed with this code' },
  from: { type: 'string', help: 'all that last failed at or after this time (RFC 3339)' },
  to: { type: 'string', help: 'all that last failed before this time' },
  all: { type: 'boolean', help: 'every dead letter' },
  own: { type: 'boolean', help: 'every dead letter of our own consumers' },
} as const

/** The members of a request that select letters. Throws `UsageError` if nothing was selected. */
export function whichLetters(context: CommandContext): Record<string, unknown> {
  const ids = context.positionals
  const filters = given(context, 'fingerprint', 'code', 'from', 'to')
  const [all, own] = [context.options['all'] === true, context.options['own'] === true]
  if (ids.length === 0 && Object.keys(filters).length === 0 && !all && !own) {
    throw new UsageError('Select dead letters by id, --fingerprint, --code, --from, --to, --own or --all.')
  }
  return {
    ...(ids.length > 0 && { ids }),
    ...(all && { all: true }),
    ...(own && { foreign: false }),
    ...filters,
  }
}
