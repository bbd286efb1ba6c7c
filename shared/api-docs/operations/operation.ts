import type { z } from 'zod'
import type { ProblemCode } from '../../http/protocol/problem.ts'
import type { RouteName } from '../../http/routes.ts'
import { DEAD_LETTER_EXAMPLES } from '../examples/dead-letter-examples.ts'
import { EXAMPLE_APPLIED } from '../examples/change-examples.ts'
import { EXAMPLE_HISTORY, EXAMPLE_STORED } from '../examples/examples.ts'
import type { AnswerHeader, RequestHeader } from '../http-headers.ts'
import type { JsonObject, SchemaName } from '../schemas/schemas.ts'
import { STATUS_EXAMPLES } from '../examples/status-examples.ts'

/**
 * The part of a route's description that shared/http/routes.ts does not contain. openapi.ts adds the tag, the 500
 * response, and the problems that follow from a key, a query or a body.
 */
export interface OperationDescription {
  readonly summary: string
  readonly description?: string
  /** A schema for each path parameter. */
  readonly path?: Readonly<Record<string, PathParameter>>
  readonly query?: z.ZodObject
  readonly headers?: readonly RequestHeader[]
  readonly body?: RequestBody
  /** The responses by status. */
  readonly answers: Readonly<Record<number, Answer>>
  readonly problems?: readonly ProblemCode[]
}

/** An operation's tag is the first tag whose pattern matches the route. */
export const TAGS = [
  { name: 'Orders', description: 'Place orders, change them and read them back.', routes: /^api\/orders?(?:\/|$)/ },
  {
    name: 'Dead letters',
    description: 'Records that could not be stored, and how to repair them. Needs the function key.',
    routes: /^api\/(?:dead-letters|redrives|audit)/,
  },
  {
    name: 'Operations',
    description: 'The status, metrics and maintenance of the pipeline. Needs the function key.',
    routes: /^api\/(?:ops|metrics|customers)/,
  },
  { name: 'Health', description: 'For probes.', routes: /^api\/health/ },
  { name: 'Documentation', description: 'Pages and documents about this product.', routes: /^/ },
] as const

export interface PathParameter {
  readonly description: string
  readonly schema: JsonObject
  readonly example?: string
}

export interface RequestBody {
  /** `application/json` if absent. */
  readonly mediaType?: string
  readonly schema: SchemaName
  readonly required: boolean
  readonly examples: Examples
}

export interface Answer {
  readonly description: string
  readonly headers?: readonly AnswerHeader[]
  /** Absent when there is no body. */
  readonly content?: Readonly<Record<string, AnswerContent>>
  /** Possible follow-up requests, by name. */
  readonly links?: Links
}

export type Links = Readonly<Record<string, Link>>

/** The route that uses a value from the response, and a runtime expression for each of the route's parameters. */
export interface Link {
  readonly operationId: RouteName
  readonly description: string
  readonly parameters: Readonly<Record<string, string>>
}

export interface AnswerContent {
  /** The name of a schema in `components`, or a schema. */
  readonly schema: SchemaName | JsonObject
  readonly example?: unknown
  readonly examples?: Examples
}

/** The examples by name. */
export type Examples = Readonly<Record<string, { readonly summary: string; readonly value: unknown }>>

/** An example for each schema, for responses that have no example of their own. */
const EXAMPLES = {
  Order: EXAMPLE_STORED,
  PlacedOrder: EXAMPLE_STORED,
  OrderPage: { items: [EXAMPLE_STORED], nextCursor: null },
  OrderHistory: EXAMPLE_HISTORY,
  OrderChange: EXAMPLE_APPLIED,
  OrderChangePage: { items: [EXAMPLE_APPLIED], nextCursor: null },
  ...DEAD_LETTER_EXAMPLES,
  ...STATUS_EXAMPLES,
} as const satisfies Partial<Record<SchemaName, unknown>>

export function jsonAnswer(
  description: string,
  named: keyof typeof EXAMPLES,
  { headers, links, example = EXAMPLES[named] }: Pick<Answer, 'headers' | 'links'> & { example?: unknown } = {},
): Answer {
  return {
    description,
    ...(headers !== undefined && { headers }),
    content: { 'application/json': { schema: named, example } },
    ...(links !== undefined && { links }),
  }
}

/** A body with one example. */
export function jsonBody(
  schema: SchemaName,
  { required = false, summary, value }: { required?: boolean; summary: string; value: unknown },
): RequestBody {
  return { schema, required, examples: { example: { summary, value } } }
}

/** A link to a route. `pointer` (RFC 6901) is the place in the response from which the route takes `parameter`. */
export function link(operationId: RouteName, parameter: string, pointer: string, description: string): Link {
  return { operationId, description, parameters: { [parameter]: `$response.body#${pointer}` } }
}

/** The response for one page of the operation's list, with a link to the next page and any further `links`. */
export function pageAnswer(
  operationId: RouteName,
  description: string,
  named: keyof typeof EXAMPLES,
  links: Links = {},
): Answer {
  const nextPage = link(operationId, 'cursor', '/nextCursor', 'The next page; the last page has none.')
  return jsonAnswer(description, named, { headers: ['Link'], links: { nextPage, ...links } })
}

export const NOT_MODIFIED: Answer = { description: 'The caller already has the current version.', headers: ['ETag'] }
