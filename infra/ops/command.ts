import { setTimeout as sleep } from 'node:timers/promises'
import type { OpsClient } from './client.ts'

/** The exit codes. Scripts may rely on these numbers. */
export const EXIT = {
  ok: 0,
  /** The command ran and found a problem, such as a ledger that does not balance or a redrive that stopped. */
  notWell: 1,
  usage: 2,
  unreachable: 3,
  refused: 4,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

export interface Command {
  /** The words to type, such as `dead-letters list`. */
  readonly name: string
  /** The arguments after the name, such as `<id> --reason <text>`. */
  readonly usage?: string
  readonly summary: string
  /** Arguments for `npm run ops --`, shown in the help. */
  readonly examples: readonly string[]
  /** The maximum number of positional arguments (default 0). */
  readonly takes?: number
  /** True if the command, run without an instance, has to process records itself. */
  readonly processes?: boolean
  /** True if the command needs neither an instance nor its data. */
  readonly offline?: boolean
  /** True if the command creates DATA_DIR when it does not exist. */
  readonly creates?: boolean
  readonly options?: Readonly<Record<string, { readonly type: 'string' | 'boolean'; readonly help: string }>>
  run(context: CommandContext): Promise<Outcome>
}

export interface CommandContext {
  readonly client: OpsClient
  readonly positionals: readonly string[]
  /** When the command was started, in Unix time (ms). */
  readonly startedAt: number
  readonly options: Readonly<Record<string, string | boolean | undefined>>
  /** True with --json, which prints only the outcome's `answer`. */
  readonly json: boolean
  readonly print: (text: string) => void
  /** Written to standard error, and only if that is a terminal. */
  readonly progress: (text: string) => void
}

export interface Outcome {
  /** Printed with --json. */
  readonly answer: unknown
  /** Printed without --json. */
  readonly words: string
  /** If false, the exit code is `EXIT.notWell`. The default is true. */
  readonly well?: boolean
  /**
   * The error that ended the command midway. This error determines the exit code; the outcome says what was done
   * before it.
   */
  readonly endedBy?: Error
}

/** Runs the command and prints its outcome. Throws the error that ended the command midway. */
export async function perform(command: Command, context: CommandContext): Promise<ExitCode> {
  const { answer, words, well = true, endedBy } = await command.run(context)
  context.print(context.json ? JSON.stringify(answer) : words)
  if (endedBy !== undefined) throw endedBy
  return well ? EXIT.ok : EXIT.notWell
}

/** The option of those commands that record a reason in the audit log. */
export const REASON = { reason: { type: 'string', help: 'the reason, recorded in the audit log' } } as const

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The positional argument at this index. Throws `UsageError` if it is missing. */
export function required({ positionals }: CommandContext, index: number, name: string): string {
  const value = positionals[index]
  if (value === undefined) throw new UsageError(`${name} is missing.`)
  return value
}

/** Throws `UsageError` if no reason was given. */
export function requiredReason(context: CommandContext): string {
  const reason = text(context, 'reason')
  if (reason === undefined) throw new UsageError('--reason is missing.')
  return reason
}

/** The first positional argument, an id, as a path segment. */
export function idSegment(context: CommandContext): string {
  return pathSegment(required(context, 0, 'The id'))
}

/**
 * An id as a path segment. Throws `UsageError` for `.` and `..`, which would address another route, and which cannot be
 * escaped.
 */
export function pathSegment(id: string): string {
  if (id === '.' || id === '..') throw new UsageError(`${JSON.stringify(id)} is not an id.`)
  return encodeURIComponent(id)
}

export function text({ options }: CommandContext, option: string): string | undefined {
  const value = options[option]
  return typeof value === 'string' ? value : undefined
}

/** The named options that were given, with their values. */
export function given<Name extends string>(context: CommandContext, ...names: Name[]): Partial<Record<Name, string>> {
  const values = names.map((name) => [name, text(context, name)] as const)
  return Object.fromEntries(values.filter(([, value]) => value !== undefined)) as Partial<Record<Name, string>>
}

const LOOK_EVERY_MS = 300

/** Polls a task until it has ended, and shows its progress. */
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
