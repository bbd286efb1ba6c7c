import { text, UsageError, type CommandContext } from './command.ts'

/** At most this many in a request, as the API takes them. */
export const MAX_IDS = 1000

/** The options of commands that act on many dead letters, which may be named by id too. */
export const WHICH = {
  fingerprint: { type: 'string', help: 'all of a group' },
  code: { type: 'string', help: 'all that failed with this code' },
  from: { type: 'string', help: 'all that failed last at or after this time (RFC 3339)' },
  to: { type: 'string', help: 'all that failed last before this time' },
  all: { type: 'boolean', help: 'every dead letter' },
  own: { type: 'boolean', help: 'every dead letter that no other consumer gave up' },
} as const

/** The members of a request that say which letters; throws `UsageError` when no option says which. */
export function whichLetters(context: CommandContext): Record<string, unknown> {
  const ids = context.positionals
  const filters = (['fingerprint', 'code', 'from', 'to'] as const).flatMap((name) => {
    const value = text(context, name)
    return value === undefined ? [] : [[name, value] as const]
  })
  const [all, own] = [context.options['all'] === true, context.options['own'] === true]
  if (ids.length === 0 && filters.length === 0 && !all && !own) {
    throw new UsageError('Say which: an id, --fingerprint, --code, --from, --to, --own or --all.')
  }
  return {
    ...(ids.length > 0 && { ids }),
    ...(all && { all: true }),
    ...(own && { foreign: false }),
    ...Object.fromEntries(filters),
  }
}
