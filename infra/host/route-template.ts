import { createConstraint, type Constraint } from './route-constraints.ts'

/**
 * A route as ASP.NET Core's template syntax writes it: `api/orders/{id:int}`, `{id?}`, `{id=7}`, `{*rest}`, and
 * segments of several parts such as `{name}.{extension}`. Literals match without regard to case.
 */
export interface RouteTemplate {
  readonly segments: readonly Segment[]
}

export type Segment = LiteralSegment | ParameterSegment | CompositeSegment

export interface LiteralSegment {
  readonly kind: 'literal'
  /** In lower case. */
  readonly text: string
}

export interface ParameterSegment extends Parameter {
  readonly kind: 'parameter'
  readonly optional: boolean
  readonly catchAll: boolean
  readonly defaultValue: string | undefined
}

/** Parameters with text between them; the first takes as much as it can, as ASP.NET matches from the right. */
export interface CompositeSegment {
  readonly kind: 'composite'
  readonly expression: RegExp
  readonly parameters: readonly Parameter[]
}

interface Parameter {
  readonly name: string
  readonly constraints: readonly Constraint[]
}

/** Throws with what is wrong with the template, as the runtime refuses such a function. */
export function parseTemplate(template: string): RouteTemplate {
  const segments = splitSegments(template.replace(/^\/|\/$/g, '')).map(parseSegment)
  const names = segments.flatMap(namesIn)
  const duplicate = names.find((name, index) => names.indexOf(name) !== index)
  if (duplicate !== undefined) throw new Error(`The parameter "${duplicate}" appears more than once.`)
  const early = segments.slice(0, -1).find((segment) => segment.kind === 'parameter' && segment.catchAll)
  if (early !== undefined) throw new Error('A catch-all parameter can only be the last segment.')
  return { segments }
}

function namesIn(segment: Segment): string[] {
  if (segment.kind === 'literal') return []
  const parameters = segment.kind === 'parameter' ? [segment] : segment.parameters
  return parameters.map(({ name }) => name.toLowerCase())
}

/** At the slashes outside braces. */
function splitSegments(template: string): string[] {
  if (template === '') return []
  return splitOutside(template, '/', '{}')
}

function parseSegment(text: string): Segment {
  const parts = partsOf(text)
  const [only] = parts
  if (parts.length === 1 && only !== undefined) {
    return only.literal ? { kind: 'literal', text: only.text.toLowerCase() } : parseParameter(only.text)
  }
  const parameters: Parameter[] = []
  const expression = parts.map((part) => {
    if (part.literal) return part.text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
    const parameter = parseParameter(part.text)
    if (parameter.catchAll || parameter.optional || parameter.defaultValue !== undefined) {
      throw new Error(`In "${text}" no parameter can be optional, have a default or take the rest.`)
    }
    parameters.push(parameter)
    return '(.+)'
  })
  return { kind: 'composite', expression: new RegExp(`^${expression.join('')}$`, 'is'), parameters }
}

/** `{name:constraint:constraint(argument)=default?}`, without its braces and with doubled braces made single. */
function parseParameter(text: string): ParameterSegment {
  const [, stars = '', name = '', rest = ''] = /^(\*{0,2})([^:=?*{}/]+)(.*)$/s.exec(text) ?? []
  if (name === '') throw new Error(`"{${text}}" names no parameter.`)
  const optional = rest.endsWith('?')
  const [constraints = '', ...defaults] = splitOutside(optional ? rest.slice(0, -1) : rest, '=', '()')
  return {
    kind: 'parameter',
    name,
    catchAll: stars !== '',
    optional,
    defaultValue: defaults.length === 0 ? undefined : defaults.join('='),
    constraints: splitOutside(constraints, ':', '()').filter(Boolean).map(parseConstraint),
  }
}

function parseConstraint(text: string): Constraint {
  const [, name = text, argument] = /^([^(]+)\((.*)\)$/s.exec(text) ?? []
  return createConstraint(name, argument)
}

/** Splits where the separator stands outside brackets of this kind: a regular expression may hold it. */
function splitOutside(text: string, separator: string, [opening, closing]: '{}' | '()'): string[] {
  const parts = ['']
  let depth = 0
  for (const character of text) {
    if (character === opening) depth += 1
    else if (character === closing) depth -= 1
    if (character === separator && depth === 0) parts.push('')
    else parts[parts.length - 1] += character
  }
  return parts
}

/** Literals and parameters of a segment in order. `{{` and `}}` stand for single braces (and so in constraints). */
function partsOf(segment: string): { literal: boolean; text: string }[] {
  const parts: { literal: boolean; text: string }[] = []
  const tokens = segment.match(/\{\{|\}\}|[{}]|[^{}]+/g) ?? ['']
  let inside = false
  let text = ''
  const finish = (literal: boolean) => {
    if (text !== '' || !literal) parts.push({ literal, text })
    text = ''
  }
  for (const token of tokens) {
    if (token === '{' && !inside) {
      finish(true)
      inside = true
    } else if (token === '}' && inside) {
      finish(false)
      inside = false
    } else if (token === '{' || token === '}') {
      throw new Error(`In "${segment}" a brace stands alone; a literal one is written twice.`)
    } else {
      text += token.length === 2 && /^(?:\{\{|\}\})$/.test(token) ? token.charAt(0) : token
    }
  }
  if (inside) throw new Error(`In "${segment}" a brace is not closed.`)
  finish(true)
  return parts
}
