import { z } from 'zod'

/** The body of POST /api/ops/faults. */
export const faultPlan = z.strictObject({
  store: z
    .enum(['ok', 'down', 'busy', 'hang', 'slow'], { error: 'must be one of ok, down, busy, hang, slow' })
    .default('ok'),
  slowMs: z
    .int({ error: 'must be a whole number' })
    .min(0, { error: 'must not be negative' })
    .max(60_000, { error: 'must be at most 60000' })
    .default(1000),
  log: z.enum(['ok', 'down'], { error: 'must be one of ok, down' }).default('ok'),
  throwForCustomers: z
    .array(z.int({ error: 'must be a whole number' }), { error: 'must be an array' })
    .max(1000, { error: 'must have at most 1000 entries' })
    .default([]),
  /** So many records that are no orders are put into the orders topic, once. */
  poison: z
    .int({ error: 'must be a whole number' })
    .min(0, { error: 'must not be negative' })
    .max(1000, { error: 'must be at most 1000' })
    .default(0),
})
