import type { z } from 'zod'
import type { ProblemCode } from '../http/problem.ts'
import type { AnswerHeader, RequestHeader } from './http-headers.ts'
import type { JsonObject, SchemaName } from './schemas.ts'

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
}

export interface AnswerContent {
  /** Of `components`, or written out. */
  readonly schema: SchemaName | JsonObject
  readonly example?: unknown
  readonly examples?: Examples
}

/** By name. */
export type Examples = Readonly<Record<string, { readonly summary: string; readonly value: unknown }>>

export function jsonAnswer(
  description: string,
  named: SchemaName,
  more: { headers?: readonly AnswerHeader[]; example?: unknown } = {},
): Answer {
  const { headers, ...example } = more
  return {
    description,
    ...(headers !== undefined && { headers }),
    content: { 'application/json': { schema: named, ...example } },
  }
}

export const NOT_MODIFIED: Answer = { description: 'The caller has it already.', headers: ['ETag'] }
