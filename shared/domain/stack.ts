/** Extracts the exception and its place in our own code from a stack trace. */

const OUR_CODE = /\/(?:shared|functions)\//
/** A frame's file and line, without the product's installation folder: `shared/messaging/records/envelope.ts:41`. */
const OUR_FILE = / ?\(?(?:file:\/\/)?[^ ]*\/((?:shared|functions)\/[^:]*:\d+).*$/
/** Limits the length, because messages may repeat long values, and a stack from headers may contain anything. */
const MAX_LENGTH = 200

/** The first frame in our own code, without its `at`; undefined if there is none. */
export function ownFrame(stack: string): string | undefined {
  const frame = stack.split('\n').find((line) => OUR_CODE.test(line))
  return frame?.trim().replace(/^at (?:async )?/, '')
}

/**
 * The exception on one line: the first line of the message, and the first frame in our own code. If no frame is ours,
 * as in another consumer's stack, the very first frame is used. Null without a stack.
 */
export function exceptionOf(stack: string | null): string | null {
  if (stack === null) return null
  const [message = '', ...others] = stack.split('\n')
  const frames = others.filter((line) => !line.includes('/node_modules/')).join('\n')
  const first = others.find((line) => line.trim().startsWith('at '))
  const frame = ownFrame(frames) ?? first?.trim().replace(/^at /, '')
  const told = frame === undefined ? [message] : [message, shortened(frame).replace(OUR_FILE, ' $1')]
  return told.map((text) => shortened(text.trim())).join(' at ')
}

function shortened(text: string): string {
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text
}
