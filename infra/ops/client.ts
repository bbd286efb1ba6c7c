import { headerText } from './header-text.ts'
import { sendPatiently, type Answer } from './send-patiently.ts'

/** The connection to the product: a running instance, or this process if no instance is running. */
export interface OpsClient extends AsyncDisposable {
  /** The instance's name, for use in messages. */
  readonly target: string
  /** True if this process opened the files itself, because no instance is running. */
  readonly isAlone?: true
  /**
   * Resolves with the parsed JSON of a 2xx response. Rejects with `RefusedError` or `UnreachableError`. A request waits
   * for its response for at most a minute, unless `takesLong` is set.
   */
  request(method: string, path: string, body?: unknown, options?: RequestOptions): Promise<unknown>
}

export interface RequestOptions {
  /** True for a request that may take longer than a minute. */
  readonly takesLong?: boolean
  /** True if a repeat does no harm, even while the first request is running, and shows the outcome. */
  readonly isRepeatable?: boolean
}

/** The product responded with a problem document (RFC 9457). */
export class RefusedError extends Error {
  override readonly name = 'RefusedError'
  readonly status: number

  constructor(status: number, detail: string) {
    super(detail)
    this.status = status
  }
}

/** There was no response, so the request may not have arrived, may still be running, or may have been carried out. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError'
}

const TIMEOUT_MS = 60_000

export function createHttpClient(
  url: string,
  key: string | undefined,
  operator: string,
  timeoutMs = TIMEOUT_MS,
): OpsClient {
  return {
    target: url,
    async request(method, path, body, { takesLong = false, isRepeatable = false } = {}) {
      const headers = {
        'x-operator': headerText(operator),
        ...(key !== undefined && { 'x-functions-key': headerText(key) }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      }
      const asked = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) }
      const address = new URL(path, url)
      const noResponse = (reason: string, hasArrived: boolean, cause?: unknown) =>
        method === 'GET' || !hasArrived
          ? new UnreachableError(`${url} cannot be reached: ${reason}.`, { cause })
          : new UnreachableError(`${url} did not respond: ${reason}. ${adviceFor(isRepeatable)}`, { cause })
      const answer = await (takesLong ? sendPatiently(address, asked) : send(address, asked, timeoutMs)).catch(
        (error: unknown) => {
          throw noResponse(reasonOf(error, timeoutMs), mayHaveArrived(error), error)
        },
      )
      if (GATEWAY_GAVE_UP.has(answer.status)) {
        throw noResponse(`the gateway in front of it answered ${answer.status}`, true)
      }
      if (answer.status === 401) throw new RefusedError(401, refusalOf(key, url))
      return readAnswer(answer.status, answer.text)
    },
    async [Symbol.asyncDispose]() {
      // Nothing is kept open between requests.
    },
  }
}

async function send(url: URL, asked: RequestInit, timeoutMs: number): Promise<Answer> {
  const answer = await fetch(url, { ...asked, signal: AbortSignal.timeout(timeoutMs) })
  return { status: answer.status, text: await answer.text() }
}

/** The statuses with which a gateway says that an instance got the request and did not answer it (in time). */
const GATEWAY_GAVE_UP: ReadonlySet<number> = new Set([502, 504])

function adviceFor(isRepeatable: boolean): string {
  return isRepeatable
    ? 'It may still be running; repeat the command to see its outcome.'
    : 'It may still be running, or be done; check before you repeat the command.'
}

/** Codes of Node and of `fetch` for a connection that broke, or on which no response came. */
const LOST: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'UND_ERR_SOCKET',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
])

/** Whether the request may have been sent before it failed. */
function mayHaveArrived(error: unknown): boolean {
  if (error instanceof DOMException) return true
  const { code = '', syscall } = causeOf(error)
  return LOST.has(code) && syscall !== 'connect'
}

/** The cause has only a code if a name has several addresses and all of them fail. */
function reasonOf(error: unknown, timeoutMs: number): string {
  if (error instanceof DOMException) return `there was no response within ${timeoutMs / 1000} seconds`
  const { message, code = '' } = causeOf(error)
  return (message || code).replace(/[\s:.]+$/, '')
}

/** `fetch` hides the reason in the cause. */
function causeOf(error: unknown): NodeJS.ErrnoException {
  const { cause = error } = error as Error
  return cause as NodeJS.ErrnoException
}

function refusalOf(key: string | undefined, url: string): string {
  return key === undefined
    ? `${url} needs the operators' key, and none was given: pass --key or set FUNCTIONS_KEY.`
    : `${url} does not accept the key from --key, FUNCTIONS_KEY or DATA_DIR.`
}

/** The client for commands that need no instance. */
export function createNobody(): OpsClient {
  return {
    target: 'nobody',
    request: async () => Promise.reject(new UnreachableError('This command does not use an instance.')),
    async [Symbol.asyncDispose]() {
      // Nothing was opened.
    },
  }
}

/** The JSON of a 2xx response. Throws `RefusedError` with the problem's detail for any other status. */
export function readAnswer(status: number, text: string): unknown {
  const answer: unknown = text === '' ? undefined : parse(text)
  if (status >= 200 && status < 300) return answer
  const { detail, errors } = (answer ?? {}) as { detail?: string; errors?: { pointer: string; detail: string }[] }
  const faults = (errors ?? []).map((fault) => `\n  ${fault.pointer} ${fault.detail}`).join('')
  throw new RefusedError(status, `${detail ?? `The response had status ${status}.`}${faults}`)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UnreachableError('The response is not JSON. Is this the right address?', { cause: error })
  }
}
