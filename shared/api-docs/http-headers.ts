import type { JsonObject } from './schemas/schemas.ts'

/** The headers of requests and responses, as the document lists them under `components`. */

/** One key of 1 to 255 visible characters, in double quotes or bare, as shared/http/protocol/preferences.ts accepts it. */
const IDEMPOTENCY_KEY = String.raw`^(?:"(?:[ !#-\[\]-~]|\\["\\]){1,255}"|[!#-+\--~]{1,255})$`

export const REQUEST_HEADERS = {
  // No example, because the reference page would send it with every order that a reader places there.
  IdempotencyKey: requestHeader(
    'Idempotency-Key',
    'A key such as "8e03978e-40d5-43dd-bc93-6894a57f9324", with or without the quotes. Requests with the same key and the same order are repeats of one request: the order is stored once, no matter how many times it is sent. A different order with a key that was already used is refused with 422, even if the first order is not stored yet. If another instance accepted the first order, the second may be accepted and later get the status `dead-lettered`. Keys work in the same way for changes, separately for each order; a different change with a key that was already used may be accepted and later rejected.',
    { schema: { type: 'string', pattern: IDEMPOTENCY_KEY } },
  ),
  Prefer: requestHeader(
    'Prefer',
    '`wait=N`: wait up to N seconds, at most 30, for the order to be stored or the change to be decided (RFC 7240).',
    { example: 'wait=10' },
  ),
  IfNoneMatch: requestHeader(
    'If-None-Match',
    'The ETags that the caller already has. If one of them is current, the answer is 304.',
  ),
  IfMatch: requestHeader(
    'If-Match',
    'The ETag of the order that the change is meant for, or `*`. The change takes effect only if the order still has the version with which the ETag begins.',
    { schema: { type: 'string', pattern: String.raw`^(?:\*|(?:W/)?"[!#-~]*")$` }, example: '*' },
  ),
  Traceparent: requestHeader(
    'traceparent',
    'W3C Trace Context. It is passed on with the event in the log, so that processing belongs to the same trace. An invalid value is ignored.',
  ),
  Tracestate: requestHeader(
    'tracestate',
    'W3C Trace Context, in addition to traceparent. An invalid value, or one without traceparent, is ignored.',
  ),
  RequestId: requestHeader(
    'X-Request-Id',
    'An id for this request, of 1 to 128 letters, digits and `_.:/+=~-`, which the answer and the log repeat. Any other value is replaced.',
  ),
  Operator: requestHeader(
    'X-Operator',
    'The name of the operator, recorded as claimed unless the platform signed the operator in.',
  ),
} as const satisfies Record<string, JsonObject>

export type RequestHeader = keyof typeof REQUEST_HEADERS

const seconds = { type: 'string', pattern: String.raw`^\d+$` }

export const ANSWER_HEADERS = {
  Location: { description: 'The address of the resource.', schema: { type: 'string', format: 'uri-reference' } },
  RetryAfter: { description: 'The number of seconds to wait before asking again.', schema: seconds },
  ETag: {
    description:
      "A tag that identifies exactly these bytes, for If-None-Match. The ETag of an order begins with the order's version and can also be sent in If-Match.",
    schema: { type: 'string' },
  },
  Link: { description: 'The next page, as `rel="next"`; absent on the last.', schema: { type: 'string' } },
  PreferenceApplied: { description: 'The wait that was granted.', schema: { type: 'string', pattern: '^wait=\\d+$' } },
  AcceptPatch: {
    description: 'The format of a change (RFC 5789).',
    schema: { type: 'string', enum: ['application/merge-patch+json'] },
  },
  Allow: { description: 'The methods that this path supports.', schema: { type: 'string' } },
  RequestId: {
    description: 'The id of the request in the product’s log lines: the one that the caller sent, or a new one.',
    schema: { type: 'string', maxLength: 128 },
  },
  IdempotentReplayed: {
    description:
      '`true` if this instance knows of an earlier request with the same Idempotency-Key and the same order or change.',
    schema: { type: 'string', enum: ['true'] },
  },
  ContentDisposition: { description: 'The name of the file.', schema: { type: 'string' } },
} as const satisfies Record<string, JsonObject>

export type AnswerHeader = keyof typeof ANSWER_HEADERS

/** The header's name: `RetryAfter` becomes `Retry-After`. */
export function answerHeaderName(header: AnswerHeader): string {
  return header === 'RequestId' ? 'X-Request-Id' : header.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-')
}

function requestHeader(name: string, description: string, more: JsonObject = {}): JsonObject {
  return { name, in: 'header', description, schema: { type: 'string' }, ...more }
}
