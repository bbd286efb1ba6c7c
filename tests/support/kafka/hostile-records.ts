import * as fc from 'fast-check'
import { HEADER } from '../../../shared/messaging/records/headers.ts'
import type { RecordToEncode } from './record-batches.ts'

/** Records that are not orders, with any key, value, headers and time that the protocol can express. */

export const utf8 = (text: string) => new TextEncoder().encode(text)

const headerNames = fc.oneof(
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toString',
    '',
    '0',
    'traceparent',
    'ce_type',
    'ce_id',
    'ce_time',
    'ce_specversion',
  ),
  fc.constantFrom(...Object.values(HEADER)),
  fc.string(),
)

export const hostileBytes = fc.option(
  fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.string({ unit: 'binary' }).map(utf8),
    fc.json().map(utf8),
    fc.constantFrom('NewOrder.v1', '1.0', '-1', '1e400', '9'.repeat(400), 'null', '[]', '{"__proto__":1}').map(utf8),
  ),
  { nil: null },
)

export const int64 = fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)

export const hostileRecord: fc.Arbitrary<RecordToEncode> = fc.record({
  timestampDelta: fc.oneof(fc.constant(0n), int64),
  key: hostileBytes,
  value: hostileBytes,
  headers: fc.array(fc.tuple(headerNames.map(utf8), hostileBytes), { maxLength: 6 }),
})
