import { z } from 'zod'
import { DEFAULT_RATE_PER_SECOND } from '../application/dead-letters/redrive.ts'
import { OrderError } from '../domain/errors.ts'
import type { RedriveWarning } from '../application/dead-letters/redrive-warning.ts'
import type { NewRedrive } from '../ports/redrives.ts'
import { reason } from './operator.ts'
import { cursor, instant, limit } from './protocol/query.ts'

/** The most letters that one page of a dry run tries. */
export const MAX_PREVIEWED = 500
const MAX_RATE_PER_SECOND = 500
const MAX_IDS = 1000

const shortText = z
  .string({ error: 'must be a string' })
  .min(1, { error: 'must not be empty' })
  .max(200, { error: 'must have at most 200 characters' })

const dryRun = z.boolean({ error: 'must be true or false' }).default(false)

/** Strict, all of them: where a misspelt member would mean "everything, and for real", it must not be ignored. */
export const actBody = z.strictObject({ reason: z.exactOptional(reason) }, { error: memberFault })

/** The body of POST /api/ops/ledger/reset. */
export const resetLedgerBody = actBody.extend({ force: z.boolean({ error: 'must be true or false' }).default(false) })

export const requiredReasonBody = z.strictObject({ reason }, { error: memberFault })

/** The body of POST /api/ops/take-out. */
export const takeOutBody = requiredReasonBody.extend({
  record: z
    .string({ error: 'must be a string' })
    .max(300, { error: 'must have at most 300 characters' })
    .regex(/^[A-Za-z0-9._-]{1,249}:[0-9]{1,10}:[0-9]{1,16}$/, { error: 'must be topic:partition:offset' }),
})

/** The body of POST /api/ops/backup. */
export const backupBody = actBody.extend({
  name: z.exactOptional(
    z
      .string({ error: 'must be a string' })
      .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/, { error: 'must be 1 to 100 letters, digits, _ and -' })
      .meta({ description: 'Of its folder; the time unless given.' }),
  ),
})

export const redriveLetterBody = actBody.extend({ dryRun })

const FILTERS = ['fingerprint', 'code', 'orderId', 'from', 'to', 'foreign'] as const

/** Which letters: by id, by what they have in common, or `all` that are dead. */
const lettersBody = redriveLetterBody.extend({
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
  /** True for those of other consumers only, false for our own only. */
  foreign: z.exactOptional(z.boolean({ error: 'must be true or false' })),
})

/** What toLetterFilter demands. */
const ONE_WAY = {
  oneOf: [{ required: ['ids'] }, { required: ['all'] }, { anyOf: FILTERS.map((name) => ({ required: [name] })) }],
}

export const redriveBody = lettersBody
  .extend({
    ratePerSecond: z
      .int({ error: 'must be a whole number' })
      .min(1, { error: 'must be at least 1' })
      .max(MAX_RATE_PER_SECOND, { error: `must be at most ${MAX_RATE_PER_SECOND}` })
      .default(DEFAULT_RATE_PER_SECOND),
  })
  .meta(ONE_WAY)

/** The body of POST /api/dead-letters/discard. */
export const discardBody = lettersBody
  .extend({ reason: z.exactOptional(reason.meta({ description: 'Why. Required, unless it is a dry run.' })) })
  .meta(ONE_WAY)

/** Throws `invalid-request` for a body that does not say which, or says it twice. */
export function toLetterFilter(body: z.output<typeof lettersBody>): NewRedrive['letters'] {
  const { ids, all, fingerprint, code, orderId, from, to, foreign } = body
  const ways = [ids, all, FILTERS.find((name) => body[name] !== undefined)].filter((way) => way !== undefined)
  if (ways.length === 0) throw unclear(`must say which letters: ids, all, or a filter by ${FILTERS.join(', ')}`)
  if (ways.length > 1) throw unclear('must have ids, all or a filter, not several of them, for which would count?')
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

/** The reason of an act that must not go without one. Throws `invalid-request`. */
export function requiredReason({ reason }: z.output<typeof discardBody>): string {
  if (reason !== undefined) return reason
  const detail = 'must say why, unless it is a dry run'
  throw new OrderError('invalid-request', `The reason ${detail}.`, { violations: [{ pointer: '/reason', detail }] })
}

/** What the answers to a redrive and to its dry run look like. */
export function withWarning<Answer extends object>(
  answer: Answer,
  warning: RedriveWarning | undefined,
): Answer & { warning?: RedriveWarning } {
  return warning === undefined ? answer : { ...answer, warning }
}

function unclear(detail: string): OrderError {
  return new OrderError('invalid-request', `The body ${detail}.`, { violations: [{ pointer: '', detail }] })
}

/** The query of the route that redrives one letter. */
export const redriveLetterQuery = z.object({
  dryRun: z.exactOptional(
    z
      .enum(['true', 'false'], { error: 'must be true or false' })
      .meta({ description: '`true`: tell what would happen, and send nothing. The same as `dryRun` in the body.' }),
  ),
})

/** The query of the route that redrives many: a dry run goes through them page by page. */
export const redriveQuery = redriveLetterQuery.extend({ cursor: z.exactOptional(cursor) })

/** The query of GET /api/redrives. */
export const listRedrivesQuery = z.object({ limit, cursor: z.exactOptional(cursor) })

/** The query of the route that discards many. */
export const discardQuery = z.object({
  dryRun: z.exactOptional(
    z
      .enum(['true', 'false'], { error: 'must be true or false' })
      .meta({ description: '`true`: count the letters, and discard none. The same as `dryRun` in the body.' }),
  ),
  cursor: z.exactOptional(cursor.meta({ description: 'Goes on with an act, as its last answer said.' })),
})

/** The query of an edit, whose body is the order itself. */
export const editQuery = z.object({
  reason: z.exactOptional(reason.meta({ description: 'Why, for the audit.' })),
})

function memberFault(issue: { code?: string | undefined; keys?: readonly string[] }): string {
  return issue.code === 'unrecognized_keys'
    ? `has members that are not known: ${(issue.keys ?? []).join(', ')}`
    : 'must be an object'
}
