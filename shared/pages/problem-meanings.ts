import type { ProblemCode } from '../http/protocol/problem.ts'

/** The meaning of each problem, for the page that its `type` links to. The remedy is in PROBLEMS. */
export const MEANINGS: Readonly<Record<ProblemCode, string>> = {
  'malformed-json': 'The body is empty, is not UTF-8, or is not one JSON value. Nothing was written.',
  'invalid-order': 'The body is JSON but not an order: a field is missing or has an invalid value.',
  'invalid-change':
    'The body is JSON but not a change to an order: it is empty, has a member that is unknown or cannot be changed, or has an invalid value.',
  'invalid-request':
    'A path or query parameter, a header, or a field of an operator’s request is not valid. An unknown parameter is also refused: if a misspelt filter were ignored, the response would contain everything.',
  unauthorized: 'The route needs a key, but the request has none, or has one that is not known.',
  forbidden: 'The key is known, but does not have the right that the route needs.',
  'order-not-found': 'The path contains a well-formed id that this product never issued.',
  'change-not-found': 'The path contains a well-formed change id that this product never issued for this order.',
  'dead-letter-not-found': 'No dead letter has this id.',
  'not-found': 'No route has this path, or what the path names does not exist.',
  'method-not-allowed': 'The path exists, but not with this method.',
  conflict:
    'The action is not possible in the current state: for example, a letter that was discarded cannot be redriven.',
  'order-cancelled': 'The order was cancelled before the change’s turn came.',
  'order-discarded': 'An operator discarded the order before it was stored, so it cannot be changed.',
  'version-conflict':
    'The change was made for one version of the order, as its If-Match said, and another change took effect first.',
  'earlier-change-discarded':
    'An earlier change to the same order could not be processed, and an operator discarded it. The changes behind it are rejected, because their callers relied on it.',
  overtaken:
    'The change was a dead letter, and a later change to the order took effect before this one was processed again.',
  'constraint-violated': 'The change is valid by itself, but the store does not accept the order that would result.',
  'order-archived':
    'The order was moved from the store to an archive, with its changes and its history; the detail says when. Lists and searches leave it out.',
  'precondition-failed':
    'If-Match names an earlier version of the order, or an ETag that the order never had. Nothing was written.',
  'payload-too-large': 'The body is larger than 1 MiB.',
  'unsupported-media-type': 'The content-type header is missing, or names something other than JSON in UTF-8.',
  'idempotency-key-reused':
    'This key was already used for an earlier order, or for an earlier change to the same order, with different content.',
  'queue-full': 'Orders arrive faster than the log can take them. Nothing was written.',
  'log-unavailable':
    'The log did not acknowledge the order, so no id was issued. It may still have been written. Retry with the same Idempotency-Key, so that it counts only once.',
  'log-unreadable':
    'A batch of records that is needed for the response cannot be decoded, for example because its compression is unknown. Orders are still accepted, and other batches are processed.',
  'clock-wrong':
    'The clock of the machine that responded differs so much from the log’s clock that the log refuses its records. Nothing was written.',
  'store-unavailable': 'The store that queries read from is unavailable, busy or full. Orders are still accepted.',
  'record-too-large': 'The order fits into a request but not into a record of the log. Nothing was written.',
  'shutting-down': 'The instance that took the request is being stopped.',
  internal: 'Something failed that should not have. The product’s log output shows the cause; the response does not.',
}
