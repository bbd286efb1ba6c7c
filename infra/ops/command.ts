import { setTimeout as sleep } from 'node:timers/promises'
import type { OpsClient } from './client.ts'

/** Exit codes. Scripts may rely on them. */
export const EXIT = {
  ok: 0,
  /** The command ran, and something is not well: a ledger that does not balance, a redrive that stopped. */
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
  /** At most this many words may follow the name (0). */
  readonly takes?: number
  /** True when records must be processed for its outcome, even where no instance runs. */
  readonly processes?: boolean
  /** True when it needs neither an instance nor its data. */
  readonly offline?: boolean
  /** True when it creates DATA_DIR where there is none. */
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
  /** Written to standard error, and only to a terminal. */
  readonly progress: (text: string) => void
}

/** The option of every command that the audit list keeps. */
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

/** For a command that takes a reason and cannot do without it; throws `UsageError` when none was given. */
export function requiredReason(context: CommandContext): string {
  const reason = text(context, 'reason')
  if (reason === undefined) throw new UsageError('--reason is missing.')
  return reason
}

/** The id that follows the name, as a segment of a path. */
export function idSegment(context: CommandContext): string {
  return encodeURIComponent(required(context, 0, 'The id'))
}

/** Prints the answer as JSON for programs, or the words for people. */
export function show({ json, print }: CommandContext, answer: unknown, words: string): void {
  print(json ? JSON.stringify(answer) : words)
}

const LOOK_EVERY_MS = 300

/** Asks until it has ended, and shows how far it is. */
export async function untilEnded<T extends { readonly state: string }>(
  context: CommandContext,
  begun: T,
  progressOf: (now: T) => string,
  look: (before: T) => Promise<T>,
): Promise<T> {
  let now = begun
  while (now.state === 'running') {
    context.progress(progressOf(now))
    await sleep(LOOK_EVERY_MS)
    now = await look(now)
  }
  return now
}

export function text(context: CommandContext, option: string): string | undefined {
  const value = context.options[option]
  return typeof value === 'string' ? value : undefined
}
