import { userInfo } from 'node:os'
import { parseArgs } from 'node:util'
import { isOrderError, messageOf } from '../../shared/domain/errors.ts'
import { createNobody, RefusedError, UnreachableError } from './client.ts'
import { EXIT, perform, UsageError, type Command, type ExitCode } from './command.ts'
import { COMMANDS, findCommand } from './commands.ts'
import { connect } from './connect.ts'
import { isFileError } from './file-error.ts'
import { productVersion } from './product-version.ts'

/** `npm run ops -- <command>`: the dashboard's functions from a terminal. */
const COMMON = {
  url: {
    type: 'string',
    help: 'URL of the instance (default: OPS_URL, then the instance that holds DATA_DIR, then the files in DATA_DIR)',
  },
  key: { type: 'string', help: 'function key (default: FUNCTIONS_KEY, then the key in DATA_DIR)' },
  operator: { type: 'string', help: 'the name recorded in the audit log (default: your user name)' },
  json: { type: 'boolean', help: 'prints JSON instead of tables' },
  help: { type: 'boolean', help: 'prints this text' },
} as const

// A reader such as `head` may close the pipe early. The command still completes, also if the output's disk is full.
let outputError: Error | undefined
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') outputError ??= error
})
process.on('exit', () => {
  if (outputError === undefined) return
  process.stderr.write(`The output could not be written: ${outputError.message}\n`)
  process.exitCode ||= EXIT.notWell
})

/** The options of all commands. An option has the same type in every command that takes it. */
const ALL_OPTIONS: NonNullable<Command['options']> = Object.assign(
  {},
  ...COMMANDS.map(({ options }) => options),
  COMMON,
)

async function main(args: readonly string[]): Promise<ExitCode> {
  const startedAt = Date.now()
  if (args[0] === '--version') {
    process.stdout.write(`${productVersion()}\n`)
    return EXIT.ok
  }
  const { leading, words } = splitLeading(args)
  const found = findCommand(words)
  if (found === undefined) {
    const asked = args.some((word) => word === '--help' || word === '-h' || word === 'help')
    const unknown = words.filter((word) => !word.startsWith('-')).join(' ')
    if (!asked && unknown !== '') throw new UsageError(`There is no command ${JSON.stringify(unknown)}: see --help.`)
    process.stdout.write(`${overview()}\n`)
    return asked ? EXIT.ok : EXIT.usage
  }
  const { command, rest } = found
  const { values, positionals } = parse(command, [...leading, ...rest])
  if (values['help'] === true) {
    process.stdout.write(`${helpOf(command)}\n`)
    return EXIT.ok
  }
  const [unexpected] = positionals.slice(command.takes ?? 0)
  if (unexpected !== undefined) throw new UsageError(`Unexpected argument ${JSON.stringify(unexpected)}: see --help.`)
  refuseEmpty(values, positionals)
  const textOf = (name: string) => (typeof values[name] === 'string' ? values[name] : undefined)
  const operator = textOf('operator') ?? userName()
  const { processes: processing = false, creates = false } = command
  const asked = { url: textOf('url'), key: textOf('key'), operator, processing, creates }
  const client = command.offline === true ? createNobody() : await connect(asked)
  try {
    return await perform(command, {
      client,
      positionals,
      startedAt,
      options: values,
      json: values['json'] === true,
      print: (text) => {
        showProgress('')
        process.stdout.write(`${text}\n`)
      },
      progress: showProgress,
    })
  } finally {
    await client[Symbol.asyncDispose]()
  }
}

/**
 * Splits the arguments into the options before the command, with their values, and the rest, which begins with the
 * command.
 */
function splitLeading(args: readonly string[]) {
  let start = 0
  for (let word = args[0]; word?.startsWith('-'); word = args[start]) {
    start += ALL_OPTIONS[word.slice(2)]?.type === 'string' ? 2 : 1
  }
  return { leading: args.slice(0, start), words: args.slice(start) }
}

/**
 * An empty id would address a list, and an empty filter would match everything. Usually it comes from a variable that
 * is not set.
 */
function refuseEmpty(values: Readonly<Record<string, unknown>>, positionals: readonly string[]): void {
  const option = Object.keys(values).find((name) => isEmpty(values[name]))
  const at = positionals.findIndex(isEmpty)
  if (option === undefined && at === -1) return
  const what = option === undefined ? `Argument ${at + 1}` : `--${option}`
  throw new UsageError(`${what} is empty. Is a variable not set?`)
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'string' && value.trim() === ''
}

/** In a container the user id may have no entry in /etc/passwd. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}

/** Progress on one line, overwritten in place. */
function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}

function parse(command: Command, args: string[]) {
  const options = Object.fromEntries(
    Object.entries({ ...COMMON, ...command.options }).map(([name, { type }]) => [name, { type }]),
  )
  try {
    return parseArgs({ args: withDashedValues(args, options), options, allowPositionals: true, strict: true })
  } catch (error) {
    throw new UsageError(messageOf(error), { cause: error })
  }
}

/**
 * Joins `--option value` with `=` if the value begins with `-`, as a key or a reason may, because `parseArgs` would
 * refuse it. The name of a known option is never taken for a value, so a missing value is still reported.
 */
function withDashedValues(args: readonly string[], options: Record<string, { type: string }>): string[] {
  const isOption = (word: string) => word === '--' || options[word.slice(2).split('=', 1)[0]!] !== undefined
  const joined: string[] = []
  for (const word of args) {
    const last = joined.at(-1)
    const waits = last?.startsWith('--') && options[last.slice(2)]?.type === 'string'
    if (waits && word.startsWith('-') && !isOption(word)) joined[joined.length - 1] = `${last}=${word}`
    else joined.push(word)
  }
  return joined
}

function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length))
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`)
  const exits =
    'Exit codes: 0 all is well, 1 something is wrong, 2 wrong arguments or settings, 3 instance unreachable or silent, 4 request refused.'
  const examples = [
    '  npm run ops -- status',
    '  npm run ops -- dead-letters redrive --code invalid-order --dry-run',
    '  npm run -s ops -- ledger --json --url https://orders.example.com --key "$KEY" | jq .totals',
  ]
  return ['npm run ops -- <command> [--help] | --version', '', ...lines, '', 'Examples:', ...examples, '', exits].join(
    '\n',
  )
}

function helpOf(command: Command): string {
  const options = Object.entries({ ...command.options, ...COMMON })
  const lines = options.map(([name, { type, help }]) => `  --${name}${type === 'string' ? ' <text>' : ''}  ${help}`)
  const usage = `npm run ops -- ${command.name} ${command.usage ?? ''}`.trimEnd()
  const examples = command.examples.map((words) => `  npm run ${words.includes('--json') ? '-s ' : ''}ops -- ${words}`)
  return [usage, '', `  ${command.summary}`, '', ...lines, '', 'Examples:', ...examples].join('\n')
}

/** One line for an error that the user can fix. Any other error is a bug, and its stack is printed. */
function describe(error: unknown): string {
  const isExpected =
    isOrderError(error) ||
    isFileError(error) ||
    [UsageError, RefusedError, UnreachableError].some((kind) => error instanceof kind)
  if (isExpected || !(error instanceof Error)) return messageOf(error)
  return error.stack ?? error.message
}

function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError || (isOrderError(error) && error.code === 'invalid-setting')) return EXIT.usage
  if (isFileError(error)) return EXIT.notWell
  return error instanceof RefusedError ? EXIT.refused : EXIT.unreachable
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${describe(error)}\n`)
  process.exitCode = exitCodeOf(error)
}
