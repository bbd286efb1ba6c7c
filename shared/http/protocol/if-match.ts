import type { HttpRequest } from '@azure/functions'
import { NO_VERSION } from '../../domain/changes/order-changes.ts'
import { invalidRequest } from './validated.ts'

/** RFC 9110 §8.8.3. */
const ENTITY_TAG = /^(?:W\/)?"([\x21\x23-\x7e\x80-\xff]*)"$/
/** The format that `revalidated` produces. */
const OF_VERSION = /^([1-9]\d{0,8})-/

/**
 * The version that `If-Match` requires (RFC 9110 §13.1.1): the number at the beginning of the ETag. Undefined if the
 * header is absent or `*`; `NO_VERSION` for an ETag without a version. A weak ETag is treated like a strong one,
 * because proxies weaken ETags when they compress, which does not affect the version.
 *
 * Throws `invalid-request` for a malformed header.
 */
export function expectedVersionOf(request: HttpRequest): number | undefined {
  const header = request.headers.get('if-match')?.trim()
  if (header === undefined || header === '*') return undefined
  const tag = ENTITY_TAG.exec(header)?.[1]
  if (tag === undefined) {
    const detail = 'must be one ETag as GET /api/orders/{orderId} returned it, in its double quotes, or *'
    throw invalidRequest('The If-Match header', 'If-Match', detail)
  }
  return Number(OF_VERSION.exec(tag)?.[1] ?? NO_VERSION)
}
