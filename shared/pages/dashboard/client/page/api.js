/** Requests to the product: JSON over HTTP, with the function key of this session. */

const TIMEOUT_MS = 15_000
/** Some requests that change something take more than 20 seconds, such as a repair of the ledger. */
const TIMEOUT_OF_ACTS_MS = 60_000

/** The product refused the request. */
export class RefusedError extends Error {
  /**
   * @param {number} status
   * @param {string} detail
   * @param {{ code: string, faults: readonly string[] }} why
   */
  constructor(status, detail, { code, faults }) {
    super(detail)
    this.status = status
    this.code = code
    this.faults = faults
  }
}

/** There was no response. */
export class UnreachableError extends Error {}

/**
 * @typedef {{
 *   get: (path: string) => Promise<any>,
 *   text: (path: string) => Promise<string>,
 *   send: (method: string, path: string, body?: unknown, more?: More) => Promise<any>,
 * }} Api `get` and `send` resolve with the parsed answer, `text` with the answer as it is; all reject with `RefusedError`
 *   or `UnreachableError`.
 * @typedef {{ headers?: Record<string, string>, outlivesPage?: boolean }} More with `outlivesPage` the request is sent even while
 *   the page is being closed
 */

/**
 * @param {() => { key: string, operator: string }} session
 * @returns {Api}
 */
export function createApi(session) {
  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @param {More} [more]
   */
  async function exchange(method, path, body, { headers = {}, outlivesPage = false } = {}) {
    const { key, operator } = session()
    const answer = await ask(path, {
      method,
      cache: 'no-store',
      keepalive: outlivesPage,
      signal: AbortSignal.timeout(method === 'GET' ? TIMEOUT_MS : TIMEOUT_OF_ACTS_MS),
      headers: {
        ...(key !== '' && { 'x-functions-key': toHeader(key) }),
        ...(operator !== '' && { 'x-operator': toHeader(operator) }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    if (answer.status < 200 || answer.status >= 300) throw toRefusal(answer.status, answer.text)
    return answer.text
  }

  /** @type {Api['send']} */
  async function send(method, path, body, more) {
    const text = await exchange(method, path, body, more)
    return text === '' ? undefined : JSON.parse(text)
  }
  return { send, get: (path) => send('GET', path), text: (path) => exchange('GET', path) }
}

/**
 * @param {string} path
 * @param {RequestInit} init
 */
async function ask(path, init) {
  try {
    const answer = await fetch(path, init)
    return { status: answer.status, text: await answer.text() }
  } catch (error) {
    const isLate = error instanceof Error && error.name === 'TimeoutError'
    const mayBeDone = init.method === 'GET' ? '' : ' The request may have been carried out all the same.'
    const why = isLate ? `No response came in time.${mayBeDone}` : 'The product did not answer.'
    throw new UnreachableError(why, { cause: error })
  }
}

/**
 * @param {number} status
 * @param {string} text
 */
function toRefusal(status, text) {
  const { detail, title, type, errors } = problemIn(text)
  const faults = (errors ?? []).map(({ pointer, detail: fault }) => `${pointer || 'the body'} ${fault}`)
  return new RefusedError(status, detail ?? title ?? `The response was ${status}.`, {
    code: type?.split('#').at(-1) ?? String(status),
    faults,
  })
}

/**
 * The problem document, or an empty object if the body is something else, such as a gateway's error page.
 *
 * @param {string} text
 * @returns {{ detail?: string, title?: string, type?: string, errors?: { pointer: string, detail: string }[] }}
 */
function problemIn(text) {
  try {
    return JSON.parse(text) ?? {}
  } catch {
    return {}
  }
}

/**
 * The text as the value of a header for `fetch`. Hosts decode headers as UTF-8, while `fetch` sends each character as a
 * single byte. The result therefore has one character for each byte of the text in UTF-8. Characters that hosts refuse,
 * which are control characters and characters beyond Latin-1, are replaced with `?`.
 *
 * @param {string} text
 */
function toHeader(text) {
  const sendable = text
    .trim()
    .normalize('NFC')
    .replaceAll(/[^\u0020-\u007e\u00a0-\u00ff]/gu, '?')
  return String.fromCodePoint(...new TextEncoder().encode(sendable))
}
