import { createConstraint, KNOWN_CONSTRAINTS, type Constraint } from './route-constraints.ts'

/**
 * A route, written in the subset of ASP.NET Core's template syntax that Functions apps use: `api/orders/{id:int}`,
 * `{id?}`, `{*rest}`. A segment is either literal text or one parameter. Literal text matches case-insensitively.
 */
export type RouteTemplate = readonly Segment[]

/** The text of a literal segment is in lower case. */
export type Segment = { readonly kind: 'literal'; readonly text: string } | ParameterSegment

interface ParameterSegment {
  readonly kind: 'parameter'
  readonly name: string
  readonly optional: boolean
  readonly catchAll: boolean
  readonly constraints: readonly Constraint[]
}

/** Inside braces, a regular expression may contain slashes and doubled braces. */
const SEGMENTS = /(?:\{(?:[^{}]|\{\{|\}\})*\}|[^/])+/g
const IN_BRACES = /^\{((?:[^{}]|\{\{|\}\})*)\}$/
const PARAMETER = /^(\*{0,2})([^:=?*{}/]+)(?::(.*?))?(\?)?$/s
/** An equals sign outside the parentheses of a constraint. */
const DEFAULT_VALUE = /^[^(:]*=|=[^()]*$/

/** Throws for an unsupported template; the message suggests a replacement. */
export function parseTemplate(template: string): RouteTemplate {
  const segments = (template.match(SEGMENTS) ?? []).map(parseSegment)
  const parameters = segments.filter((segment) => segment.kind === 'parameter')
  const names = parameters.map(({ name }) => name.toLowerCase())
  const duplicate = names.find((name, index) => names.indexOf(name) !== index)
  if (duplicate !== undefined) throw new Error(`the parameter "${duplicate}" appears more than once; rename one.`)
  if (parameters.some((parameter) => parameter.catchAll && parameter !== segments.at(-1))) {
    throw new Error('a catch-all parameter can only be the last segment; move it to the end.')
  }
  return segments
}

function parseSegment(text: string): Segment {
  if (!/[{}]/.test(text)) return { kind: 'literal', text: text.toLowerCase() }
  const inner = IN_BRACES.exec(text)?.[1]?.replace(/([{}])\1/g, '$1')
  if (inner === undefined) {
    throw new Error(
      `this host does not support "${text}", because a segment is either text or one parameter; write {name} and parse its value in the function.`,
    )
  }
  if (DEFAULT_VALUE.test(inner)) {
    throw new Error(
      `this host does not support the default value in "${text}"; write {name?} and set the default in the function.`,
    )
  }
  const [, stars, name, constraints = '', mark] = PARAMETER.exec(inner) ?? []
  if (name === undefined) throw new Error(`"${text}" names no parameter; write {name}.`)
  const catchAll = stars !== ''
  const written = splitConstraints(constraints)
  return {
    kind: 'parameter',
    name,
    catchAll,
    optional: mark === '?' || (catchAll && written.length === 0),
    constraints: written.map((constraint) => parseConstraint(constraint, name)),
  }
}

/** Splits at colons outside parentheses, because a regular expression may contain colons. */
function splitConstraints(text: string): string[] {
  let depth = 0
  const parts = ['']
  for (const [token] of text.matchAll(/\\.|./gs)) {
    if (token === '(') depth += 1
    if (token === ')') depth -= 1
    if (token === ':' && depth === 0) parts.push('')
    else parts[parts.length - 1] += token
  }
  return parts.filter((part) => part !== '')
}

function parseConstraint(text: string, parameter: string): Constraint {
  const constraint = createConstraint(text)
  if (constraint !== undefined) return constraint
  throw new Error(
    `this host does not support the constraint "${text}"; use one of ${KNOWN_CONSTRAINTS}, or write {${parameter}} and check its value in the function.`,
  )
}
