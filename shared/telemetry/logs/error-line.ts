import { isOrderError } from '../../domain/errors.ts'

export interface ErrorLine {
  readonly type: string
  readonly message: string
  readonly stack: string
  readonly [fact: string]: unknown
}

/** Properties of driver and Node errors. Any other property may contain personal data. */
const FACTS = ['code', 'retriable', 'errno', 'syscall', 'address', 'port', 'errcode', 'number', 'state', 'class']
const MAX_CAUSES = 5

/**
 * Removes personal data from an error. A parser's message may quote its input, and a database's message may quote a
 * value, so only our own messages and those of the operating system are kept. In other messages, everything in quotes
 * or parentheses is removed. Type, code, number and stack frames are enough to find the cause.
 */
export function toErrorLine(error: unknown): ErrorLine {
  if (!(error instanceof Error))
    return { type: typeof error, message: 'A value that is not an error was thrown.', stack: '' }
  const causes = chainOf(error)
  const headings = causes.map((cause) => `${nameOf(cause)}: ${messageFor(cause)}`)
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
    stack: causes.map((cause, index) => [headings[index], ...framesOf(cause)].join('\n')).join('\ncaused by '),
  }
}

/** The error without its stack. `at` is the frame that threw the error. */
export function toBriefErrorLine(error: unknown): Omit<ErrorLine, 'stack'> {
  const { stack: _stack, ...line } = toErrorLine(error)
  const [frame] = error instanceof Error ? framesOf(error) : []
  return frame === undefined ? line : { ...line, at: frame.trim().slice('at '.length) }
}

/** The error's message without quoted text. */
export function messageFor(error: unknown): string {
  if (!(error instanceof Error)) return 'A value that is not an error was thrown.'
  if (isOrderError(error)) return ours(error)
  // The message of an operating system's error contains only a call, a path or an address.
  if ('syscall' in error) return error.message
  return withoutQuotes(error.message)
}

/** Our own message may contain the message of its cause, which may contain personal data. */
function ours({ message, cause }: Error): string {
  if (!(cause instanceof Error) || cause.message === '' || isOrderError(cause)) return message
  return message.replaceAll(cause.message, () => messageFor(cause))
}

/** The JavaScript engine's most common message, which quotes only a name from our code. */
const NAMES_A_PROPERTY = /^Cannot (?:read|set) properties of (?:undefined|null) \((?:reading|setting) '[\w$]{1,100}'\)$/

/**
 * Removes everything from the first to the last quote or parenthesis, because quoted text may itself contain quotes.
 */
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
