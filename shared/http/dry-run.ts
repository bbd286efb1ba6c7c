import { z } from 'zod'

/** A dry run is asked for by a query parameter or by a member of the body; either is enough. */
export const dryRunMember = z.boolean({ error: 'must be true or false' }).default(false)

/** `does`: the effect of `true`, for the documents. */
export function dryRunParameter(does: string) {
  return z.exactOptional(
    z
      .enum(['true', 'false'], { error: 'must be true or false' })
      .meta({ description: `\`true\`: ${does}. The same as \`dryRun\` in the body.` }),
  )
}

export function isDryRun(query: { dryRun?: 'true' | 'false' }, body: { dryRun: boolean }): boolean {
  return query.dryRun === 'true' || body.dryRun
}
