import type { JsonObject } from './schemas/schemas.ts'

/** The headers that requests may have and answers have, as the document lists them under `components`. */

/** One key of 1 to 255 visible characters, in double quotes or bare: what shared/http/protocol/preferences.ts takes. */
const IDEMPOTENCY_KEY = String.raw`^(?:"(?:[ !#-\[\]-~]|\\["\\]){1,255}"|[!#-+\--~]{1,255})$`

export const REQUEST_HEADERS = {
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    description:
      'Such as "8e03978e-40d5-43dd-bc93-6894a57f9324", with or without the quotes. The same key with the same order always names the same order, stored once however often it is sent. A different order under a known key is refused with 422, also while the first is on its way; where another instance took the first, it may be accepted and later get the status `dead-lettered`.',
    // No example: the reference page would send it with every order that is tried.
    schema: { type: 'string', pattern: IDEMPOTENCY_KEY },
  },
  Prefer: {
    name: 'Prefer',
    in: 'header',
    description: '`wait=N`: wait up to N seconds, at most 30, for the order to be stored (RFC 7240).',
    schema: { type: 'string' },
    example: 'wait=10',
  },
  IfNoneMatch: {
    name: 'If-None-Match',
    in: 'header',
    description: 'ETags that the caller has already: 304 when one of them is still right.',
    schema: { type: 'string' },
  },
  Traceparent: {
    name: 'traceparent',
    in: 'header',
    description: 'W3C Trace Context: the order carries it through the log. One that is not valid is ignored.',
    schema: { type: 'string' },
  },
  Tracestate: {
    name: 'tracestate',
    in: 'header',
    description: 'W3C Trace Context: goes with the traceparent. One that is not valid, or comes alone, is ignored.',
    schema: { type: 'string' },
  },
  RequestId: {
    name: 'X-Request-Id',
    in: 'header',
    description:
      'A name of 1 to 128 letters, digits and `_.:/+=~-` for this request, which the answer and the log repeat. Any other is replaced.',
    schema: { type: 'string' },
  },
  Operator: {
    name: 'X-Operator',
    in: 'header',
    description: 'Who acts, recorded as claimed unless the platform signed somebody in.',
    schema: { type: 'string' },
  },
} as const satisfies Record<string, JsonObject>

export type RequestHeader = keyof typeof REQUEST_HEADERS

const seconds = { type: 'string', pattern: String.raw`^\d+$` }

export const ANSWER_HEADERS = {
  Location: { description: 'Where it is.', schema: { type: 'string', format: 'uri-reference' } },
  RetryAfter: { description: 'When to ask again, in seconds.', schema: seconds },
  ETag: { description: 'Of these very bytes, for If-None-Match.', schema: { type: 'string' } },
  Link: { description: 'The next page, as `rel="next"`; absent on the last.', schema: { type: 'string' } },
  PreferenceApplied: { description: 'The wait that was granted.', schema: { type: 'string', pattern: '^wait=\\d+$' } },
  Allow: { description: 'The methods of this path.', schema: { type: 'string' } },
  RequestId: {
    description: 'The name of the request in the log: the caller’s own if it was sent, else a new one.',
    schema: { type: 'string', maxLength: 128 },
  },
  IdempotentReplayed: {
    description:
      '`true` when another request brought this Idempotency-Key and this order first, as far as it is known here.',
    schema: { type: 'string', enum: ['true'] },
  },
  ContentDisposition: { description: 'The name of the file.', schema: { type: 'string' } },
} as const satisfies Record<string, JsonObject>

export type AnswerHeader = keyof typeof ANSWER_HEADERS

export const ANSWER_HEADER_NAMES: Readonly<Record<AnswerHeader, string>> = {
  Location: 'Location',
  RetryAfter: 'Retry-After',
  ETag: 'ETag',
  Link: 'Link',
  PreferenceApplied: 'Preference-Applied',
  Allow: 'Allow',
  ContentDisposition: 'Content-Disposition',
  RequestId: 'X-Request-Id',
  IdempotentReplayed: 'Idempotent-Replayed',
}
