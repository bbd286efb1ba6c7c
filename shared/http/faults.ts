import { z } from 'zod'
import { integer, oneOf } from './protocol/validated.ts'

/** The body of POST /api/ops/faults. */
export const faultPlan = z.strictObject({
  store: oneOf(['ok', 'down', 'busy', 'hang', 'slow']).default('ok'),
  slowMs: integer(0, 60_000).default(1000),
  log: oneOf(['ok', 'down']).default('ok'),
  throwForCustomers: z
    .array(z.int({ error: 'must be a whole number' }), { error: 'must be an array' })
    .max(1000, { error: 'must have at most 1000 entries' })
    .default([]),
  /** How many invalid records this request publishes to the orders topic. */
  poison: integer(0, 1000).default(0),
})
