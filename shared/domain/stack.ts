/** What a stack tells of a failure: which exception it was, and where in our own code. */

const OUR_CODE = /\/(?:shared|functions)\//
/** The file of a frame, from wherever the product is installed, with its line: `shared/messaging/records/envelope.ts:41`. */
const OUR_FILE = / ?\(?(?:file:\/\/)?[^ ]*\/((?:shared|functions)\/[^:]*:\d+).*$/
/** Messages may be as long as what they complain about, and a stack that came in headers may be anything. */
const MAX_LENGTH = 200

/** The first frame of our own code, without its `at`; undefined when there is none. */
export function ownFrame(stack: string): string | undefined {
  const frame = stack.split('\n').find((line) => OUR_CODE.test(line))
  return frame?.trim().replace(/^at (?:async )?/, '')
}

/**
 * The exception in a line: the first line of its message, and the first frame of our own code, or the first of all where
 * none is ours, as in another consumer's. Null for what has no stack.
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
