import type { z } from 'zod'
import type { ProblemCode } from '../../http/protocol/problem.ts'
import type { RouteName } from '../../http/routes.ts'
import { DEAD_LETTER_EXAMPLES } from '../examples/dead-letter-examples.ts'
import { EXAMPLE_HISTORY, EXAMPLE_STORED } from '../examples/examples.ts'
import type { AnswerHeader, RequestHeader } from '../http-headers.ts'
import type { JsonObject, SchemaName } from '../schemas/schemas.ts'
import { STATUS_EXAMPLES } from '../examples/status-examples.ts'

/**
 * What the document says of a route beyond shared/http/routes.ts. Problems that every route can have (401 where a key is
 * needed, 500) are added by themselves.
 */
export interface OperationDescription {
  readonly tag: Tag
  readonly summary: string
  readonly description?: string
  /** A schema for each parameter of the path. */
  readonly path?: Readonly<Record<string, PathParameter>>
  readonly query?: z.ZodObject
  readonly headers?: readonly RequestHeader[]
  readonly body?: RequestBody
  /** By status. */
  readonly answers: Readonly<Record<number, Answer>>
  readonly problems?: readonly ProblemCode[]
}

export const TAGS = {
  Orders: 'Place orders and read them back.',
  'Dead letters': 'What could not be stored, and how to repair it. Needs the function key.',
  Operations: 'The pipeline in numbers. Needs the function key.',
  Health: 'For probes.',
  Documentation: 'What describes this product.',
} as const
export type Tag = keyof typeof TAGS

export interface PathParameter {
  readonly description: string
  readonly schema: JsonObject
  readonly example?: string
}

export interface RequestBody {
  readonly schema: SchemaName
  readonly required: boolean
  readonly examples: Examples
}

export interface Answer {
  readonly description: string
  readonly headers?: readonly AnswerHeader[]
  /** Absent when there is no body. */
  readonly content?: Readonly<Record<string, AnswerContent>>
  /** Where to go from here, by name. */
  readonly links?: Links
}

export type Links = Readonly<Record<string, Link>>

/** The route that takes a value of the answer, and for each of its parameters the runtime expression that finds it. */
export interface Link {
  readonly operationId: RouteName
  readonly description: string
  readonly parameters: Readonly<Record<string, string>>
}

export interface AnswerContent {
  /** Of `components`, or written out. */
  readonly schema: SchemaName | JsonObject
  readonly example?: unknown
  readonly examples?: Examples
}

/** By name. */
export type Examples = Readonly<Record<string, { readonly summary: string; readonly value: unknown }>>

/** What an answer of each schema looks like, where nothing better is said. */
const EXAMPLES = {
  Order: EXAMPLE_STORED,
  PlacedOrder: EXAMPLE_STORED,
  OrderPage: { items: [EXAMPLE_STORED], nextCursor: null },
  OrderHistory: EXAMPLE_HISTORY,
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

export function nextPage(operationId: RouteName): Link {
  return {
    operationId,
    description: 'The next page; the last one has none.',
    parameters: { cursor: '$response.body#/nextCursor' },
  }
}

export const NOT_MODIFIED: Answer = { description: 'The caller has it already.', headers: ['ETag'] }
