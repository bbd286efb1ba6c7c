import { isOrderError } from '../../domain/errors.ts'

/** What a log line says of an error. */
export interface ErrorLine {
  readonly type: string
  readonly message: string
  readonly stack: string
  readonly [fact: string]: unknown
}

/** Facts that drivers and Node put on their errors; whatever else an error brings along may be anybody's data. */
const FACTS = ['code', 'retriable', 'errno', 'syscall', 'address', 'port', 'errcode', 'number', 'state', 'class']
const MAX_CAUSES = 5

/**
 * Errors hold data: a parser quotes what it could not read, a database the value that it refused. Only messages that we
 * wrote ourselves are taken as they are; of any other, whatever is quoted or in parentheses is left out. Type, code,
 * number and stack frames say what went wrong all the same.
 */
export function toErrorLine(error: unknown): ErrorLine {
  if (!(error instanceof Error)) return { type: typeof error, message: 'What was thrown is no error.', stack: '' }
  const causes = chainOf(error)
  const told = causes.map((cause) => `${nameOf(cause)}: ${messageFor(cause)}`)
  const facts = FACTS.flatMap((name) => {
    const value: unknown = Reflect.get(error, name)
    return value === undefined || typeof value === 'object' || typeof value === 'function'
      ? []
      : [[name, value] as const]
  })
  return {
    type: nameOf(error),
    message: causes.map(messageFor).join(': '),
    ...Object.fromEntries(facts),
    stack: causes.map((cause, index) => [told[index], ...framesOf(cause)].join('\n')).join('\ncaused by '),
  }
}

/** The same in one line: in the place of the stack `at`, the frame that threw, so that the fault can be found without it. */
export function toBriefErrorLine(error: unknown): Omit<ErrorLine, 'stack'> {
  const { stack: _stack, ...line } = toErrorLine(error)
  const [frame] = error instanceof Error ? framesOf(error) : []
  return frame === undefined ? line : { ...line, at: frame.trim().slice('at '.length) }
}

/** The message of an error, less what it quotes. */
export function messageFor(error: unknown): string {
  if (!(error instanceof Error)) return 'What was thrown is no error.'
  if (isOrderError(error)) return ours(error)
  // Of the operating system: a call, a path or an address.
  if ('syscall' in error) return error.message
  return withoutQuotes(error.message)
}

/** A message of ours may end with that of its cause, which is not ours. */
function ours({ message, cause }: Error): string {
  if (!(cause instanceof Error) || cause.message === '' || isOrderError(cause)) return message
  return message.replaceAll(cause.message, () => messageFor(cause))
}

/** The engine's commonest message, in which what is quoted is a name in our code. */
const NAMES_A_PROPERTY = /^Cannot (?:read|set) properties of (?:undefined|null) \((?:reading|setting) '[\w$]{1,100}'\)$/

/** From the first quote to the last, for what is quoted may hold quotes. */
function withoutQuotes(message: string): string {
  return NAMES_A_PROPERTY.test(message) ? message : message.replace(/["'`(].*["'`)]/s, '…')
}

function chainOf(error: Error): Error[] {
  const chain: Error[] = []
  for (let next: unknown = error; next instanceof Error && chain.length < MAX_CAUSES; next = next.cause)
    chain.push(next)
  return chain
}

function framesOf({ stack = '' }: Error): string[] {
  return stack.split('\n').filter((line) => /^\s+at /.test(line))
}

function nameOf(error: Error): string {
  return error.name === 'Error' ? error.constructor.name : error.name
}
