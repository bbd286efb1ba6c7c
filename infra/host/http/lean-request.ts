import type { HttpRequest as OfficialRequest, HttpRequestUser } from '@azure/functions'
import { HttpRequest } from '../functions/functions-library.ts'
import type { RoutedRequest } from './http-types.ts'
import { createLeanHeaders } from './lean-headers.ts'
import { parseQuery } from './query-string.ts'

const PRINCIPAL = 'x-ms-client-principal'

/**
 * An HttpRequest that functions cannot distinguish from the library's own, not even with `instanceof`, at a fraction of
 * the cost. The library builds a fetch `Request` each time. This class creates parts on first use: text, JSON and bytes
 * are read from the body itself, and less common ways of reading it create a real `Request`.
 */
export function createLeanRequest(routed: RoutedRequest): OfficialRequest {
  return new LeanRequest(routed) as unknown as OfficialRequest
}

class LeanRequest {
  readonly params: Record<string, string>
  readonly #routed: RoutedRequest
  /** Undefined if there is no body, and for GET and HEAD, because fetch does not allow a body with these methods. */
  readonly #body: Uint8Array | undefined
  #used = false
  #native: Request | undefined
  #url: string | undefined
  #headers: Headers | undefined
  #query: URLSearchParams | undefined
  #user: HttpRequestUser | null | undefined

  constructor(routed: RoutedRequest) {
    this.#routed = routed
    this.#body = routed.method === 'GET' || routed.method === 'HEAD' ? undefined : routed.body
    this.params = { ...routed.params }
  }

  get method(): string {
    return this.#routed.method
  }

  get url(): string {
    this.#url ??= new URL(this.#routed.url).href
    return this.#url
  }

  get headers(): Headers {
    this.#headers ??= createLeanHeaders(this.#routed.headers)
    return this.#headers
  }

  get query(): URLSearchParams {
    this.#query ??= new URLSearchParams(parseQuery(this.#routed.rawQuery))
    return this.#query
  }

  /** The library reads the user from request headers. These headers are set only by a platform that signs users in. */
  get user(): HttpRequestUser | null {
    if (this.#user !== undefined) return this.#user
    const signedIn = this.headers.has(PRINCIPAL)
    const { url } = this
    this.#user = signedIn
      ? new HttpRequest({ method: 'GET', url, headers: Object.fromEntries(this.headers) }).user
      : null
    return this.#user
  }

  get body(): ReadableStream | null {
    return this.#toNative().body as ReadableStream | null
  }

  get bodyUsed(): boolean {
    return this.#native?.bodyUsed ?? this.#used
  }

  async text(): Promise<string> {
    const bytes = this.#take()
    return bytes === undefined ? this.#toNative().text() : decode(bytes)
  }

  async json(): Promise<unknown> {
    const bytes = this.#take()
    return bytes === undefined ? this.#toNative().json() : JSON.parse(decode(bytes))
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = this.#take()
    return bytes === undefined ? this.#toNative().arrayBuffer() : ownMemory(bytes)
  }

  async blob(): Promise<unknown> {
    return this.#toNative().blob()
  }

  async formData(): Promise<unknown> {
    return this.#toNative().formData()
  }

  clone(): OfficialRequest {
    const init = { nativeRequest: this.#toNative().clone(), query: Object.fromEntries(this.query), params: this.params }
    // The library's own clone() also passes `nativeRequest` to this constructor, although its types do not allow that.
    return new HttpRequest(init)
  }

  /**
   * Returns the body's bytes on the first call. Undefined if the real Request must handle the read, for example to
   * reject a second one.
   */
  #take(): Uint8Array | undefined {
    if (this.#native !== undefined || this.#used) return undefined
    if (this.#body === undefined) return new Uint8Array(0)
    this.#used = true
    return this.#body
  }

  #toNative(): Request {
    if (this.#native !== undefined) return this.#native
    const content = this.#used ? new Uint8Array(0) : this.#body
    const body = content === undefined ? {} : { body: new Uint8Array(content) }
    const native = new Request(this.url, { method: this.method, headers: this.headers, ...body })
    if (this.#used) void native.arrayBuffer()
    this.#native = native
    return native
  }
}

Object.setPrototypeOf(LeanRequest.prototype, HttpRequest.prototype)

/** The bytes as an ArrayBuffer. Copies them only if they share a buffer with other bytes, as in a pool. */
function ownMemory(bytes: Uint8Array): ArrayBuffer {
  const { buffer, byteLength } = bytes
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? buffer : new Uint8Array(bytes).buffer
}

/** Decodes as fetch does: drops a byte order mark, and replaces invalid UTF-8 with U+FFFD. */
function decode(bytes: Uint8Array): string {
  const start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8', start)
}
