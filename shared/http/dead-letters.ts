import { z } from 'zod'
import type { OrderError } from '../domain/errors.ts'
import { decodeUtf8 } from '../messaging/records/headers.ts'
import { DEAD_LETTER_STATES, type DeadLetterSummary, type KeptDeadLetter, type Waiting } from '../ports/dead-letters.ts'
import type { OrderViews } from '../ports/order-views.ts'
import type { NewRedrive } from '../ports/redrives.ts'
import { actBody, reason } from './acts.ts'
import { dryRunMember, dryRunParameter } from './dry-run.ts'
import { cursor, from, instant, pageQuery, shortText, to } from './protocol/query.ts'
import { flag, flagText, invalidRequest, oneOf } from './protocol/validated.ts'

const state = oneOf(DEAD_LETTER_STATES).describe('Letters in this state.')

/** The parameters of GET /api/dead-letters. */
export const deadLetterQuery = z.object({
  ...pageQuery,
  state: z.exactOptional(state),
  fingerprint: z.exactOptional(shortText.describe('Letters with this fingerprint: they failed for the same reason.')),
  /** Not named `code`, because a function key may be sent as `?code=`. */
  cause: z.exactOptional(shortText.describe('Letters whose last cause has this code.')),
  orderId: z.exactOptional(shortText.describe('Letters of this order.')),
  from: z.exactOptional(from),
  to: z.exactOptional(to),
  foreign: z.exactOptional(flagText.describe('`true`: only letters of other consumers. `false`: only our own.')),
})

export const deadLetterGroupQuery = z.object({ ...pageQuery, state: z.exactOptional(state) })

/** The parameters of an edit; the request body is the order itself. */
export const editQuery = z.object({
  reason: z.exactOptional(reason.describe('Why, for the audit log.')),
})

const MAX_IDS = 1000
const FILTERS = ['fingerprint', 'code', 'orderId', 'from', 'to', 'foreign'] as const

/** Selects letters by id or by a filter, or every dead letter with `all`. */
export const lettersBody = actBody.extend({
  dryRun: dryRunMember,
  ids: z.exactOptional(
    z
      .array(shortText, { error: 'must be an array' })
      .min(1, { error: 'must have at least one id' })
      .max(MAX_IDS, { error: `must have at most ${MAX_IDS} ids` }),
  ),
  all: z.exactOptional(z.literal(true, { error: 'must be true, or absent' })),
  fingerprint: z.exactOptional(shortText),
  code: z.exactOptional(shortText),
  orderId: z.exactOptional(shortText),
  from: z.exactOptional(instant),
  to: z.exactOptional(instant),
  /** `true`: only other consumers' letters; `false`: only our own. */
  foreign: z.exactOptional(flag),
})

/** The rule that `toLetterFilter` enforces, as a schema for the OpenAPI document. */
export const LETTERS_ONE_WAY = {
  oneOf: [{ required: ['ids'] }, { required: ['all'] }, { anyOf: FILTERS.map((name) => ({ required: [name] })) }],
}

/** The body of POST /api/dead-letters/discard. */
export const discardBody = lettersBody
  .extend({ reason: z.exactOptional(reason.describe('Why. Required unless this is a dry run.')) })
  .meta(LETTERS_ONE_WAY)

/** The letters that a body selects. Throws `invalid-request` unless the body selects letters in exactly one way. */
export function toLetterFilter(body: z.output<typeof lettersBody>): NewRedrive['letters'] {
  const { ids, all, fingerprint, code, orderId, from, to, foreign } = body
  const ways = [ids, all, FILTERS.find((name) => body[name] !== undefined)].filter((way) => way !== undefined)
  if (ways.length === 0) throw unclear(`must say which letters: ids, all, or a filter by ${FILTERS.join(', ')}`)
  if (ways.length > 1) throw unclear('must have only one of ids, all and a filter')
  if (ids !== undefined) return { ids }
  return {
    ...(fingerprint !== undefined && { fingerprint }),
    ...(code !== undefined && { code }),
    ...(orderId !== undefined && { orderId }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    ...(foreign !== undefined && { foreign }),
  }
}

/** The reason for a discard. Throws `invalid-request` if it is missing. */
export function requiredReason({ reason }: z.output<typeof discardBody>): string {
  if (reason !== undefined) return reason
  throw invalidRequest('The reason', '/reason', 'must be given, unless this is a dry run')
}

function unclear(detail: string): OrderError {
  return invalidRequest('The body', '', detail)
}

/** The parameters of POST /api/dead-letters/discard. */
export const discardQuery = z.object({
  dryRun: dryRunParameter('count the letters, but discard none'),
  cursor: z.exactOptional(cursor.describe('The `nextCursor` of the previous response, to continue the discard.')),
})

/** Bytes in base64, and also as text if they are UTF-8. */
export interface BytesView {
  readonly text: string | null
  readonly base64: string
}

export function toDeadLetterView({ key, value, editedValue, headers, ...letter }: KeptDeadLetter) {
  return {
    ...letter,
    key: toBytesView(key),
    value: toBytesView(value),
    editedValue: toBytesView(editedValue),
    headers: headers.map(([name, bytes]) => ({ name, value: toBytesView(bytes) })),
  }
}

/** One page of letters, each with the number of waiting changes. Only this product's open letters hold back changes. */
export async function withWaiting<Letter extends Pick<DeadLetterSummary, 'state' | 'orderId' | 'foreign'>>(
  letters: readonly Letter[],
  views: Pick<OrderViews, 'countWaiting'>,
): Promise<(Letter & Waiting)[]> {
  const holding = letters.filter(({ state, foreign }) => (state === 'dead' || state === 'redriven') && foreign === null)
  const orderIds = new Set(holding.flatMap(({ orderId }) => orderId ?? []))
  if (orderIds.size === 0) return [...letters]
  const counts = await views.countWaiting([...orderIds])
  return letters.map((letter) => {
    const waitingChanges = holding.includes(letter) ? counts.get(letter.orderId ?? '') : undefined
    return waitingChanges === undefined ? letter : { ...letter, waitingChanges }
  })
}

/** A dead letter as a file, which `npm run ops -- replay-fixture` processes with the current code. */
export function toFixture(letter: KeptDeadLetter) {
  return {
    format: 'order-event-processing/dead-letter/1',
    id: letter.id,
    record: {
      ...letter.origin,
      timestamp: letter.recordTimestamp,
      key: base64(letter.key),
      value: base64(letter.value),
      headers: letter.headers.map(([name, value]) => [name, base64(value)] as const),
    },
    lastCause: letter.lastCause,
  }
}

function base64(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('base64')
}

function toBytesView(bytes: Uint8Array | null): BytesView | null {
  if (bytes === null) return null
  return { text: decodeUtf8(bytes) ?? null, base64: Buffer.from(bytes).toString('base64') }
}
