import type { HttpRequest } from '@azure/functions'
import { z } from 'zod'
import { actBody, reason } from './acts.ts'
import { dryRunMember, dryRunParameter } from './dry-run.ts'
import { invalidRequest } from './protocol/validated.ts'

/** The body of POST /api/customers/{customerId}/forget. */
export const forgetBody = actBody.extend({
  dryRun: dryRunMember,
  reason: z.exactOptional(reason.describe('Why. Required unless this is a dry run.')),
})

/** The parameters of POST /api/customers/{customerId}/forget. */
export const forgetQuery = z.object({
  dryRun: dryRunParameter('count what is held about the customer, but change nothing'),
})

/** The id of the customer in the path. Throws `invalid-request` for anything but a whole number from 1 to 2^53 - 1. */
export function customerIdIn(request: HttpRequest): number {
  const text = request.params['customerId'] ?? ''
  const id = /^[0-9]{1,16}$/.test(text) ? Number(text) : 0
  if (id >= 1 && id <= Number.MAX_SAFE_INTEGER) return id
  throw invalidRequest('The customer id', 'customerId', 'must be a whole number from 1 to 9007199254740991')
}

/** The reason for forgetting a customer. Throws `invalid-request` if the reason is missing. */
export function reasonToForget({ reason: why }: z.output<typeof forgetBody>): string {
  if (why !== undefined) return why
  throw invalidRequest('The reason', '/reason', 'must be given, unless this is a dry run')
}
