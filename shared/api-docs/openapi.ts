import type { Config } from '../settings/config.ts'
import { MERGE_PATCH } from '../http/protocol/json-body.ts'
import { PROBLEMS, problemType, type ProblemCode } from '../http/protocol/problem.ts'
import { rightFor, type Right } from '../http/rights.ts'
import { FAULT_ROUTES, HOME, ROUTES, type Route, type RouteName } from '../http/routes.ts'
import { CHANGE_OPERATIONS } from './operations/change-operations.ts'
import { DEAD_LETTER_OPERATIONS } from './operations/dead-letter-operations.ts'
import { ANSWER_HEADERS, answerHeaderName, REQUEST_HEADERS, type AnswerHeader } from './http-headers.ts'
import { TAGS, type Answer, type AnswerContent, type OperationDescription } from './operations/operation.ts'
import { MAINTENANCE_OPERATIONS } from './operations/maintenance-operations.ts'
import { ORDER_OPERATIONS } from './operations/order-operations.ts'
import { namedJsonSchemas, queryParameters, schemaRef, type JsonObject } from './schemas/schemas.ts'
import { SYSTEM_OPERATIONS } from './operations/system-operations.ts'
import { API_VERSION } from './version.ts'

/** The description of every route. A missing description is a compile-time error. */
export const OPERATIONS: Readonly<Record<RouteName, OperationDescription>> = {
  ...ORDER_OPERATIONS,
  ...CHANGE_OPERATIONS,
  ...DEAD_LETTER_OPERATIONS,
  ...MAINTENANCE_OPERATIONS,
  ...SYSTEM_OPERATIONS,
}

const DESCRIPTION = `An order intake that never loses an order. \`POST /api/orders\` writes an order to the log and answers \
202 once it is durable there; a consumer stores it; queries read it back. Changes to an order take the same path, and take \
effect in the order in which they were accepted. Queries are eventually consistent: the \`status\` of an order or change \
says where it stands.

Paths are case-insensitive. Every path that answers GET also answers HEAD. Any other method is answered with 405 and \
\`Allow\`, and an unknown path with 404. Every error is answered with problem details (RFC 9457), whose \`type\` links to \
an explanation in [/docs/errors](/docs/errors). The topics are described in [/api/asyncapi.json](/api/asyncapi.json).`

const KEYS =
  'Each route names the right that it needs. `FUNCTIONS_KEY` has every right; `READ_KEY` has `read` and `metrics`, `PLACE_KEY` has `place`, and `METRICS_KEY` has `metrics`.'

/**
 * The right that a request's key must have, expressed as a role, because OpenAPI 3.1 allows role names in a security
 * requirement.
 */
function securityOf(right: Right | undefined): JsonObject[] {
  const roles = right === undefined ? [] : [right]
  return [{ functionKey: roles }, { functionKeyInQuery: roles }]
}

/** Builds the document from the route table, the schemas that validate requests, and the operation descriptions. */
export function createOpenApi({ ordersAuth, faults }: Pick<Config, 'ordersAuth' | 'faults'>): JsonObject {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const [name, route] of Object.entries<Route>(ROUTES)) {
    if (FAULT_ROUTES.has(name) && !faults) continue // the route then does not exist
    const item = (paths[templateOf(route)] ??= {})
    for (const method of route.methods) {
      // DESCRIPTION covers HEAD once, for all routes.
      if (method !== 'HEAD') item[method.toLowerCase()] = operation(name as RouteName, ordersAuth)
    }
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Order event processing',
      version: API_VERSION,
      description: DESCRIPTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'The host that serves this document.' }],
    tags: TAGS.map(({ name, description }) => ({ name, description })),
    paths,
    components: {
      schemas: namedJsonSchemas(),
      parameters: REQUEST_HEADERS,
      headers: ANSWER_HEADERS,
      responses: {
        NotFound: problemAnswer(['not-found']),
        MethodNotAllowed: problemAnswer(['method-not-allowed'], ['Allow']),
      },
      examples: Object.fromEntries(problemCodes().map((code) => [code, exampleOf(code)])),
      securitySchemes: {
        functionKey: { type: 'apiKey', in: 'header', name: 'x-functions-key', description: KEYS },
        functionKeyInQuery: { type: 'apiKey', in: 'query', name: 'code', description: KEYS },
      },
    },
  }
}

/** The path in OpenAPI's format, without the constraints that only routing needs: `/api/orders/{orderId}`. */
export function templateOf({ route }: Pick<Route, 'route'>): string {
  return route === HOME ? '/' : `/${route.replaceAll(/\{\*?(\w+)(?::regex\([^/]*\))?\}/g, '{$1}')}`
}

function operation(name: RouteName, ordersAuth: Config['ordersAuth']): JsonObject {
  const { access, route }: Route = ROUTES[name]
  const description = OPERATIONS[name]
  const needsKey = access === 'function' || (access === 'orders' && ordersAuth === 'function')
  return {
    operationId: name,
    tags: TAGS.filter(({ routes }) => routes.test(route))
      .slice(0, 1)
      .map(({ name }) => name),
    summary: description.summary,
    ...(description.description !== undefined && { description: description.description }),
    security: needsKey ? securityOf(rightFor(name)) : [],
    ...parametersOf(description),
    ...(description.body !== undefined && {
      requestBody: {
        required: description.body.required,
        content: {
          [description.body.mediaType ?? 'application/json']: {
            schema: schemaRef(description.body.schema),
            examples: description.body.examples,
          },
        },
      },
    }),
    responses: {
      ...mapped(description.answers, answerOf),
      ...problemAnswers(problemsOf(description, needsKey), description.body),
    },
  }
}

const BODY_PROBLEMS = ['malformed-json', 'invalid-request', 'payload-too-large', 'unsupported-media-type'] as const

function problemsOf({ query, body, problems = [] }: OperationDescription, needsKey: boolean): ProblemCode[] {
  const possible = new Set<ProblemCode>([...problems, 'internal'])
  if (query !== undefined) possible.add('invalid-request')
  if (body !== undefined) BODY_PROBLEMS.forEach((code) => possible.add(code))
  if (needsKey) possible.add('unauthorized').add('forbidden')
  return problemCodes().filter((code) => possible.has(code))
}

function parametersOf({ path = {}, query, headers = [] }: OperationDescription): { parameters?: JsonObject[] } {
  const parameters = [
    ...Object.entries(path).map(([name, parameter]) => ({ name, in: 'path', required: true, ...parameter })),
    ...(query === undefined ? [] : queryParameters(query)),
    ...headers.map((name) => ({ $ref: `#/components/parameters/${name}` })),
  ]
  return parameters.length === 0 ? {} : { parameters }
}

function answerOf({ description, headers = [], content, links }: Answer): JsonObject {
  return {
    description,
    headers: headerRefs([...headers, 'RequestId']),
    ...(content !== undefined && { content: mapped(content, contentOf) }),
    ...(links !== undefined && { links }),
  }
}

function contentOf({ schema, ...examples }: AnswerContent): JsonObject {
  return { schema: typeof schema === 'string' ? schemaRef(schema) : schema, ...examples }
}

function headerRefs(headers: readonly AnswerHeader[]): JsonObject {
  return Object.fromEntries(headers.map((name) => [answerHeaderName(name), { $ref: `#/components/headers/${name}` }]))
}

/** One response for each status, with an example of each possible problem. */
function problemAnswers(codes: readonly ProblemCode[], body: OperationDescription['body']): JsonObject {
  const headersOf = (status: number) =>
    status === 415 && body?.mediaType === MERGE_PATCH ? ['AcceptPatch' as const] : []
  const byStatus = Map.groupBy(codes, (code) => PROBLEMS[code].status)
  return Object.fromEntries([...byStatus].map(([status, same]) => [status, problemAnswer(same, headersOf(status))]))
}

function problemAnswer(codes: readonly ProblemCode[], headers: readonly AnswerHeader[] = []): JsonObject {
  const retriable = codes.some((code) => PROBLEMS[code].status === 429 || PROBLEMS[code].status === 503)
  const sent = [...headers, ...(retriable ? ['RetryAfter' as const] : []), 'RequestId' as const]
  return {
    description: codes.map((code) => `${PROBLEMS[code].title}.`).join(' '),
    headers: headerRefs(sent),
    content: {
      'application/problem+json': {
        schema: schemaRef('Problem'),
        examples: Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
      },
    },
  }
}

function problemCodes(): ProblemCode[] {
  return Object.keys(PROBLEMS) as ProblemCode[]
}

function exampleOf(code: ProblemCode): JsonObject {
  const { status, title, remedy } = PROBLEMS[code]
  return { summary: title, value: { type: problemType(code), title, status, detail: remedy, ...EXAMPLE_FAULTS[code] } }
}

const EXAMPLE_FAULTS: Readonly<Partial<Record<ProblemCode, JsonObject>>> = {
  'invalid-order': { errors: [{ pointer: '/orderItems/0/quantity', detail: 'is required' }] },
  'invalid-change': { errors: [{ pointer: '/customerId', detail: 'cannot be changed after the order is placed' }] },
}

function mapped<Value>(values: Readonly<Record<string, Value>>, map: (value: Value) => JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(value)]))
}
