import { z } from 'zod'
import { flag, flagText } from './protocol/validated.ts'

/** A dry run is asked for by a query parameter or by a member of the body; either is enough. */
export const dryRunMember = flag.default(false)

/** `does`: the effect of `true`, for the documents. */
export function dryRunParameter(does: string) {
  return z.exactOptional(flagText.meta({ description: `\`true\`: ${does}. The same as \`dryRun\` in the body.` }))
}

export function isDryRun(query: { dryRun?: 'true' | 'false' }, body: { dryRun: boolean }): boolean {
  return query.dryRun === 'true' || body.dryRun
}
