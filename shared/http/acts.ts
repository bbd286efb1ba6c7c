import type { HttpRequest } from '@azure/functions'
import { z } from 'zod'
import type { Act } from '../ports/redrives.ts'
import type { Config } from '../settings/config.ts'
import { hasBody, readJson } from './protocol/json-body.ts'
import { validated } from './protocol/validated.ts'

const MAX_OPERATOR_LENGTH = 100
const MAX_REASON_LENGTH = 500

export const reason = z
  .string({ error: 'must be a string' })
  .max(MAX_REASON_LENGTH, { error: `must have at most ${MAX_REASON_LENGTH} characters` })
  .refine((text) => text.trim() !== '', { error: 'must not be empty' })
  .meta({ minLength: 1, pattern: String.raw`\S` }) // for the API documents, which cannot show a `refine`

/**
 * The bodies of operators' actions may not contain unknown members. If a misspelt member were ignored, the action could
 * apply to everything, or run when only a dry run was intended.
 */
export const actBody = z.strictObject({ reason: z.exactOptional(reason) }, { error: memberFault })

export const requiredReasonBody = z.strictObject({ reason }, { error: memberFault })

/**
 * Says who acts, when and why. An operator whom the platform has signed in counts as verified. A name from the
 * X-Operator header is recorded as unverified. If no platform signs operators in, callers could send the platform's
 * header themselves. The header is therefore read only if `platformSignsIn` is set.
 */
export function actOf(
  request: HttpRequest,
  why: string | undefined,
  { platformSignsIn }: Pick<Config, 'platformSignsIn'>,
): Act {
  const principal = platformSignsIn ? request.user?.username : undefined
  const claimed = request.headers.get('x-operator')?.trim()
  return {
    operator: (principal ?? (claimed || 'unknown')).slice(0, MAX_OPERATOR_LENGTH),
    verified: principal !== undefined,
    at: new Date().toISOString(),
    reason: why ?? null,
  }
}

/**
 * Reads the body of an operator's request, and makes an `Act` with the reason in that body. Throws `invalid-request`
 * with pointers.
 */
export async function readAct<Schema extends z.ZodObject<{ reason: z.ZodType<string | undefined> }>>(
  request: HttpRequest,
  schema: Schema,
  config: Pick<Config, 'platformSignsIn'>,
): Promise<{ body: z.output<Schema>; act: Act }> {
  const body = await readActBody(request, schema)
  return { body, act: actOf(request, body.reason, config) }
}

/** The validated body; a missing body counts as an empty object. Throws `invalid-request` with pointers. */
export async function readActBody<Schema extends z.ZodObject>(
  request: HttpRequest,
  schema: Schema,
): Promise<z.output<Schema>> {
  return validated(schema, hasBody(request) ? await readJson(request) : {}, 'invalid-request')
}

function memberFault(issue: { code?: string | undefined; keys?: readonly string[] }): string {
  return issue.code === 'unrecognized_keys'
    ? `has unknown members: ${(issue.keys ?? []).join(', ')}`
    : 'must be an object'
}
