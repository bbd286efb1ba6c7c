import { inspect } from 'node:util'

/** Names and values that fetch's Headers would leave unchanged. */
export const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/
export const HEADER_VALUE = /^[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?$/

/**
 * Headers that functions cannot distinguish from fetch's own, not even with `instanceof`. A lookup reads the request's
 * headers in place. Anything else falls back to real Headers, into which each header has to be copied.
 */
export function createLeanHeaders(plain: Readonly<Record<string, string>>): Headers {
  return new LeanHeaders(plain)
}

class LeanHeaders {
  readonly #plain: Readonly<Record<string, string>>
  /** Once fetch's own headers exist, they are used for everything, because they may have been changed. */
  #native: Headers | undefined

  constructor(plain: Readonly<Record<string, string>>) {
    this.#plain = plain
  }

  get(name: string): string | null {
    if (this.#native === undefined && HEADER_NAME.test(name)) {
      const value = Object.hasOwn(this.#plain, name) ? this.#plain[name] : undefined
      if (value === undefined) return null
      if (HEADER_VALUE.test(value)) return value
    }
    return this.#toNative().get(name)
  }

  has(name: string): boolean {
    if (this.#native === undefined && HEADER_NAME.test(name)) return Object.hasOwn(this.#plain, name)
    return this.#toNative().has(name)
  }

  append(name: string, value: string): void {
    this.#toNative().append(name, value)
  }

  set(name: string, value: string): void {
    this.#toNative().set(name, value)
  }

  delete(name: string): void {
    this.#toNative().delete(name)
  }

  getSetCookie(): string[] {
    return this.#toNative().getSetCookie()
  }

  forEach(...args: Parameters<Headers['forEach']>): void {
    this.#toNative().forEach(...args)
  }

  keys() {
    return this.#toNative().keys()
  }

  values() {
    return this.#toNative().values()
  }

  entries() {
    return this.#toNative().entries()
  }

  [Symbol.iterator]() {
    return this.#toNative().entries()
  }

  [inspect.custom]() {
    return this.#toNative()
  }

  #toNative(): Headers {
    this.#native ??= new Headers(this.#plain)
    return this.#native
  }
}

/**
 * Stands for the prototype of fetch's Headers, which is looked up only when a function needs it, for example for
 * `instanceof`. Loading fetch takes 35 ms and 14 MB, and hardly any request needs it.
 */
const nativePrototype = new Proxy(
  {},
  {
    getPrototypeOf: () => Headers.prototype,
    get: (_, name, receiver) => Reflect.get(Headers.prototype, name, receiver) as unknown,
    has: (_, name) => Reflect.has(Headers.prototype, name),
  },
)
Object.setPrototypeOf(LeanHeaders.prototype, nativePrototype)
