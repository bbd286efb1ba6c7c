import { z } from 'zod'
import { text } from '../domain/validation/text.ts'
import { actBody, requiredReasonBody } from './acts.ts'
import { pageQuery, shortText } from './protocol/query.ts'
import { flag } from './protocol/validated.ts'

/** The body of POST /api/ops/ledger/reset. */
export const resetLedgerBody = actBody.extend({ force: flag.default(false) })

/** The body of POST /api/ops/take-out. */
export const takeOutBody = requiredReasonBody.extend({
  record: z
    .string({ error: 'must be a string' })
    .max(300, { error: 'must have at most 300 characters' })
    .regex(/^[A-Za-z0-9._-]{1,249}:[0-9]{1,10}:[0-9]{1,16}$/, { error: 'must be topic:partition:offset' }),
})

/** The body of POST /api/ops/forget-group. */
export const forgetGroupBody = requiredReasonBody.extend({ group: text(1, 249) })

/** The body of POST /api/ops/backup. */
export const backupBody = actBody.extend({
  name: z.exactOptional(
    z
      .string({ error: 'must be a string' })
      .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/, { error: 'must be 1 to 100 letters, digits, _ and -' })
      .describe('The name of the folder; by default, the current time.'),
  ),
})

/** The parameters of GET /api/audit. */
export const auditQuery = z.object({
  ...pageQuery,
  target: z.exactOptional(shortText.describe('Actions on this letter, task or topic.')),
})
