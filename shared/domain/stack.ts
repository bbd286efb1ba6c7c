/** Reads stacks: the exception, and its place in our own code. */

const OUR_CODE = /\/(?:shared|functions)\//
/** The file and line of a frame, without the folder in which the product is installed: `shared/messaging/records/envelope.ts:41`. */
const OUR_FILE = / ?\(?(?:file:\/\/)?[^ ]*\/((?:shared|functions)\/[^:]*:\d+).*$/
/** Bounded, because messages may repeat long values, and a stack from headers may hold anything. */
const MAX_LENGTH = 200

/** The first frame of our own code, without its `at`; undefined when there is none. */
export function ownFrame(stack: string): string | undefined {
  const frame = stack.split('\n').find((line) => OUR_CODE.test(line))
  return frame?.trim().replace(/^at (?:async )?/, '')
}

/**
 * The exception in one line: the first line of its message, and the first frame of our own code, or simply the first one
 * if none is ours, as for another consumer's. Null without a stack.
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
