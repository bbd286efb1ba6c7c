import { messageOf, OrderError } from '../../../../shared/domain/errors.ts'
import { parseTemplate, type RouteTemplate, type Segment } from './route-template.ts'

export interface RouteEntry<T> {
  readonly name: string
  /** Includes the routePrefix. */
  readonly route: string
  /** Undefined means every method. */
  readonly methods: readonly string[] | undefined
  readonly target: T
}

/**
 * Matches routes as the runtime does (WebScriptHostHttpRoutesManager): routes are sorted by function name, ignoring
 * case, and the first one that matches the path and the method wins. A literal route does not take precedence over a
 * parameter. Throws for a template that this host does not support.
 */
export function createRouteTable<T>(entries: readonly RouteEntry<T>[]) {
  const byName = [...entries].sort((a, b) => (a.name.toUpperCase() < b.name.toUpperCase() ? -1 : 1))
  const routes = byName.map(compile)
  const routesOf = (method: string) => routes.filter(({ methods }) => methods === undefined || methods.has(method))
  const named = new Set(routes.flatMap(({ methods }) => [...(methods ?? [])]))
  const byMethod = new Map([...named].map((method) => [method, routesOf(method)]))
  const anyMethod = routes.filter(({ methods }) => methods === undefined)
  return {
    /** `path` is encoded. Throws `invalid-request` if the path cannot be decoded. */
    match(method: string, path: string): { target: T; params: Record<string, string> } | undefined {
      const asked = split(path)
      for (const { target, template } of byMethod.get(method) ?? anyMethod) {
        const params = matchTemplate(template, asked)
        if (params !== undefined) return { target, params }
      }
      return undefined
    },
  }
}

function compile<T>({ name, route, methods, target }: RouteEntry<T>) {
  try {
    const taken = methods === undefined ? undefined : new Set(methods.map((method) => method.toUpperCase()))
    return { target, template: parseTemplate(route), methods: taken }
  } catch (error) {
    throw new Error(`The route "${route}" of the function ${name} cannot be served: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

/** A path's segments, both unchanged and in lower case. A trailing slash matters only for a catch-all. */
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

/** Decodes as Kestrel does: everything except an encoded slash. */
function decodePath(path: string): string {
  try {
    return decodeURIComponent(path.replace(/%(2f)/gi, '%25$1'))
  } catch (error) {
    throw new OrderError('invalid-request', 'The path is not percent-encoded UTF-8.', { cause: error })
  }
}

function matchTemplate(template: RouteTemplate, asked: AskedPath): Record<string, string> | undefined {
  const last = template.at(-1)
  const takesRest = last?.kind === 'parameter' && last.catchAll
  if (asked.segments.length > template.length && !takesRest) return undefined

  const params: Record<string, string> = {}
  for (let index = 0; index < template.length; index += 1) {
    const segment = template[index]
    if (segment === undefined || !matchSegment(segment, index, asked, params)) return undefined
  }
  return params
}

/** Adds the captured value to `params` if the segment matches. */
function matchSegment(segment: Segment, index: number, asked: AskedPath, params: Record<string, string>): boolean {
  if (segment.kind === 'literal') return asked.lower[index] === segment.text
  const { name, catchAll, optional, constraints } = segment
  const value = catchAll ? asked.segments.slice(index).join('/') + asked.trailing : asked.segments[index]
  if (value === undefined || (catchAll && value === '')) return optional
  // An optional segment may be missing, but an empty segment between slashes is not a value.
  if (value === '') return false
  params[name] = value
  return constraints.every((accepts) => accepts(value))
}
