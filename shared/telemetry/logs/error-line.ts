import { isOrderError } from '../../domain/errors.ts'

/** An error in a log line. */
export interface ErrorLine {
  readonly type: string
  readonly message: string
  readonly stack: string
  readonly [fact: string]: unknown
}

/** Properties that drivers and Node put on their errors. Any other property may hold personal data. */
const FACTS = ['code', 'retriable', 'errno', 'syscall', 'address', 'port', 'errcode', 'number', 'state', 'class']
const MAX_CAUSES = 5

/**
 * Errors hold data: a parser quotes the text that it could not read, a database the value that it refused. Only our own
 * messages are kept whole; other messages lose everything in quotes or parentheses. Type, code, number and stack frames
 * still say what went wrong.
 */
export function toErrorLine(error: unknown): ErrorLine {
  if (!(error instanceof Error))
    return { type: typeof error, message: 'A value that is not an error was thrown.', stack: '' }
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

/** The same without the stack: `at` is the frame that threw, so that the fault can be found all the same. */
export function toBriefErrorLine(error: unknown): Omit<ErrorLine, 'stack'> {
  const { stack: _stack, ...line } = toErrorLine(error)
  const [frame] = error instanceof Error ? framesOf(error) : []
  return frame === undefined ? line : { ...line, at: frame.trim().slice('at '.length) }
}

/** The message of an error without its quotations. */
export function messageFor(error: unknown): string {
  if (!(error instanceof Error)) return 'A value that is not an error was thrown.'
  if (isOrderError(error)) return ours(error)
  // From the operating system: it names a call, a path or an address.
  if ('syscall' in error) return error.message
  return withoutQuotes(error.message)
}

/** Our message may contain its cause's message, which is not ours. */
function ours({ message, cause }: Error): string {
  if (!(cause instanceof Error) || cause.message === '' || isOrderError(cause)) return message
  return message.replaceAll(cause.message, () => messageFor(cause))
}

/** The engine's commonest message, which quotes only a name from our code. */
const NAMES_A_PROPERTY = /^Cannot (?:read|set) properties of (?:undefined|null) \((?:reading|setting) '[\w$]{1,100}'\)$/

/** Cuts from the first quote to the last, because a quotation may contain quotes. */
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
