import { headerText } from './header-text.ts'

/** The connection to the product: a running instance, or this process if no instance is running. */
export interface OpsClient extends AsyncDisposable {
  /** The instance's name, for use in messages. */
  readonly target: string
  /** True if this process opened the files itself, because no instance is running. */
  readonly isAlone?: true
  /** Resolves with the parsed JSON of a 2xx response. Rejects with `RefusedError` or `UnreachableError`. */
  request(method: string, path: string, body?: unknown): Promise<unknown>
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

export class UnreachableError extends Error {
  override readonly name = 'UnreachableError'
}

const TIMEOUT_MS = 60_000

export function createHttpClient(url: string, key: string | undefined, operator: string): OpsClient {
  return {
    target: url,
    async request(method, path, body) {
      const headers = {
        'x-operator': headerText(operator),
        ...(key !== undefined && { 'x-functions-key': headerText(key) }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      }
      const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) }
      try {
        const answer = await fetch(new URL(path, url), { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) })
        if (answer.status === 401) throw new RefusedError(401, refusalOf(key, url))
        return readAnswer(answer.status, await answer.text())
      } catch (error) {
        if (error instanceof RefusedError) throw error
        throw new UnreachableError(`${url} cannot be reached: ${reasonOf(error)}.`, { cause: error })
      }
    },
    async [Symbol.asyncDispose]() {
      // Nothing is kept open between requests.
    },
  }
}

/** `fetch` hides the reason in the cause. The cause has only a code if a name has several addresses and all of them fail. */
function reasonOf(error: unknown): string {
  if (error instanceof DOMException) return `there was no response within ${TIMEOUT_MS / 1000} seconds`
  const { cause = error } = error as Error
  const { message, code = '' } = cause as NodeJS.ErrnoException
  return (message || code).replace(/[\s:.]+$/, '')
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
