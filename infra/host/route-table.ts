import { parseTemplate, type RouteTemplate, type Segment } from './route-template.ts'

export interface RouteEntry<T> {
  readonly name: string
  /** With the routePrefix in front. */
  readonly route: string
  /** Undefined takes every method. */
  readonly methods: readonly string[] | undefined
  readonly target: T
}

export interface RouteMatch<T> {
  readonly target: T
  readonly params: Record<string, string>
}

/** The path cannot be decoded: 400. */
export class MalformedPathError extends Error {
  override readonly name = 'MalformedPathError'
}

interface Compiled<T> {
  readonly target: T
  readonly template: RouteTemplate
  readonly methods: ReadonlySet<string> | undefined
}

/**
 * Routes as the runtime tries them (WebScriptHostHttpRoutesManager): one by one in the order of function names without
 * regard to case, and the first that takes both path and method wins. A literal route has no precedence over a
 * parameter. Throws when a template cannot be understood.
 */
export function createRouteTable<T>(entries: readonly RouteEntry<T>[]) {
  const byName = [...entries].sort((a, b) => compareOrdinal(a.name.toUpperCase(), b.name.toUpperCase()))
  const routes = byName.map(compile)
  return {
    /** `path` is encoded, as it came. */
    match(method: string, path: string): RouteMatch<T> | undefined {
      const asked = split(path)
      for (const { target, template, methods } of routes) {
        if (methods !== undefined && !methods.has(method)) continue
        const params = matchTemplate(template, asked)
        if (params !== undefined) return { target, params }
      }
      return undefined
    },
  }
}

function compile<T>({ name, route, methods, target }: RouteEntry<T>): Compiled<T> {
  try {
    const taken = methods === undefined ? undefined : new Set(methods.map((method) => method.toUpperCase()))
    return { target, template: parseTemplate(route), methods: taken }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`The route "${route}" of the function ${name} is not valid: ${reason}`, { cause: error })
  }
}

function compareOrdinal(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}

/** The segments as asked for and in lower case; a slash at the end counts only for a catch-all. */
interface AskedPath {
  readonly segments: readonly string[]
  readonly lower: readonly string[]
  readonly trailing: string
}

function split(path: string): AskedPath {
  const decoded = path.includes('%') ? decodePath(path) : path
  const inner = decoded.startsWith('/') ? decoded.slice(1) : decoded
  const trailing = inner.endsWith('/') ? '/' : ''
  const trimmed = trailing === '' ? inner : inner.slice(0, -1)
  const segments = trimmed === '' ? [] : trimmed.split('/')
  return { segments, lower: segments.map((segment) => segment.toLowerCase()), trailing }
}

/** As Kestrel decodes: everything but an encoded slash, which stays as it is. */
function decodePath(path: string): string {
  try {
    return path
      .split(/(%2f)/i)
      .map((part, index) => (index % 2 === 1 ? part : decodeURIComponent(part)))
      .join('')
  } catch (error) {
    throw new MalformedPathError('The path is not percent-encoded UTF-8.', { cause: error })
  }
}

function matchTemplate({ segments }: RouteTemplate, asked: AskedPath): Record<string, string> | undefined {
  const last = segments.at(-1)
  const takesRest = last?.kind === 'parameter' && last.catchAll
  if (asked.segments.length > segments.length && !takesRest) return undefined

  const params: Record<string, string> = {}
  for (let index = 0; index < segments.length; index += 1) {
    const segment = segments[index]
    if (segment === undefined || !matchSegment(segment, index, asked, params)) return undefined
  }
  return params
}

/** Puts what it captured into `params`. */
function matchSegment(segment: Segment, index: number, asked: AskedPath, params: Record<string, string>): boolean {
  const value = asked.segments[index]
  switch (segment.kind) {
    case 'literal':
      return asked.lower[index] === segment.text
    case 'composite': {
      const [, ...captured] = segment.expression.exec(value ?? '') ?? []
      if (captured.length === 0) return false
      return segment.parameters.every(({ name, constraints }, at) => {
        const part = captured[at] ?? ''
        params[name] = part
        return constraints.every((accepts) => accepts(part))
      })
    }
    case 'parameter': {
      const rest = segment.catchAll ? asked.segments.slice(index).join('/') + asked.trailing : value
      const given = rest === undefined || rest === '' ? segment.defaultValue : rest
      // An empty segment between slashes is no value, though a missing one may be left out.
      if (value === '' && !segment.catchAll) return false
      if (given === undefined) return segment.optional || (segment.catchAll && segment.constraints.length === 0)
      params[segment.name] = given
      return segment.constraints.every((accepts) => accepts(given))
    }
  }
}
