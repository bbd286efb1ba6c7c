import type { z } from 'zod'
import type { Violation } from '../domain/errors.ts'
import { amendmentSchema, cancellationSchema, type Amendment } from '../domain/changes/order-changes.ts'
import { ITEM_MEMBERS, ORDER_MEMBERS, unknownMembersOf } from '../domain/unknown-members.ts'
import { violationsOf } from '../domain/violations.ts'
import { invalidBody } from './protocol/validated.ts'

/**
 * The bodies of changes are strict: all members of an amendment are optional, so a misspelt one would otherwise be
 * silently ignored (docs/decisions/007). Each unknown member gets its own pointer.
 */

const AMENDABLE: ReadonlySet<string> = new Set(Object.keys(amendmentSchema.shape))
const OF_CANCELLATIONS: ReadonlySet<string> = new Set(Object.keys(cancellationSchema.shape))

/** The amendment in the body. Throws `invalid-change` with a pointer to each error. */
export function readAmendment(body: unknown): Amendment {
  const unknown = unknownMembersOf(body, AMENDABLE)
  const parsed = amendmentSchema.safeParse(body)
  if (parsed.success && unknown.length === 0) return parsed.data
  const violations = faultsIn(parsed, unknown.map(notAmendable))
  throw invalidBody(
    'invalid-change',
    violations.map((violation) => (isRemoval(body, violation.pointer) ? cannotRemove(violation) : violation)),
  )
}

/** The reason in the body, if it has one. Throws `invalid-change`. */
export function readCancellation(body: unknown): { readonly reason?: string } {
  const unknown = unknownMembersOf(body, OF_CANCELLATIONS)
  const parsed = cancellationSchema.safeParse(body)
  if (parsed.success && unknown.length === 0) return parsed.data
  const violations = unknown.map((pointer) => unknownMember(pointer, 'a cancellation', OF_CANCELLATIONS))
  throw invalidBody('invalid-change', faultsIn(parsed, violations))
}

/**
 * Unknown members are listed one by one, so zod's issues about them are omitted, and so is the issue about an amendment
 * that has no other members.
 */
function faultsIn(parsed: z.ZodSafeParseResult<unknown>, unknown: readonly Violation[]): Violation[] {
  const issues = parsed.error?.issues.filter((issue) => unknown.length === 0 || isOfKnownMember(issue)) ?? []
  return [...unknown, ...violationsOf({ issues })]
}

function isOfKnownMember({ code, path }: z.core.$ZodIssue): boolean {
  return code !== 'unrecognized_keys' && path.length > 0
}

function notAmendable(pointer: string): Violation {
  if (ORDER_MEMBERS.has(pointer.slice(1))) return { pointer, detail: 'cannot be changed after the order is placed' }
  const isOfItem = pointer.startsWith('/orderItems/')
  return isOfItem ? unknownMember(pointer, 'an item', ITEM_MEMBERS) : unknownMember(pointer, 'a change', AMENDABLE)
}

function unknownMember(pointer: string, owner: string, members: ReadonlySet<string>): Violation {
  return { pointer, detail: `is not known here: ${owner} may have ${[...members].join(', ')}` }
}

/** RFC 7396: null removes a member. */
function isRemoval(body: unknown, pointer: string): boolean {
  const name = pointer.slice(1)
  return AMENDABLE.has(name) && (body as Readonly<Record<string, unknown>>)[name] === null
}

function cannotRemove({ pointer }: Violation): Violation {
  return { pointer, detail: 'cannot be removed, because every order has it' }
}
