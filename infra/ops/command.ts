import type { OpsClient } from './client.ts'

/** What a command ends with. Scripts may rely on these. */
export const EXIT = {
  ok: 0,
  /** It was carried out, and what it found is not well: a ledger that does not balance, a redrive that stopped. */
  notWell: 1,
  usage: 2,
  unreachable: 3,
  refused: 4,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

export interface Command {
  /** As it is typed, such as `dead-letters list`. */
  readonly name: string
  /** What follows the name, such as `<id> --reason <text>`. */
  readonly usage: string
  readonly summary: string
  /** What follows `npm run ops --`, for the help. */
  readonly examples: readonly string[]
  /** How many words may follow the name; none unless said. */
  readonly takes?: number
  /** True when its outcome needs records to be processed, also where no instance runs. */
  readonly processes?: boolean
  /** True when it needs neither an instance nor its data. */
  readonly offline?: boolean
  /** True when it makes DATA_DIR where there is none. */
  readonly creates?: boolean
  readonly options?: Readonly<Record<string, { readonly type: 'string' | 'boolean'; readonly help: string }>>
  run(context: CommandContext): Promise<ExitCode>
}

export interface CommandContext {
  readonly client: OpsClient
  readonly positionals: readonly string[]
  /** When the command was given, in milliseconds since 1970. */
  readonly startedAt: number
  readonly options: Readonly<Record<string, string | boolean | undefined>>
  /** For programs: the answer as JSON instead of tables for people. */
  readonly json: boolean
  readonly print: (text: string) => void
  /** To standard error, and only when a person looks on. */
  readonly progress: (text: string) => void
}

/** The option of every verb that the audit list keeps. */
export const REASON = { reason: { type: 'string', help: 'why; it is kept in the audit list' } } as const

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The positional argument at this place; throws `UsageError` when it was not given. */
export function required(context: CommandContext, index: number, name: string): string {
  const value = context.positionals[index]
  if (value === undefined) throw new UsageError(`${name} is missing.`)
  return value
}

/** The body of a request that takes a reason and nothing else. */
export function reasonBody(context: CommandContext): { reason?: string } {
  const reason = text(context, 'reason')
  return reason === undefined ? {} : { reason }
}

export function text(context: CommandContext, option: string): string | undefined {
  const value = context.options[option]
  return typeof value === 'string' ? value : undefined
}
