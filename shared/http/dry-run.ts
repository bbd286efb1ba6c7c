import { z } from 'zod'
import { flag, flagText } from './protocol/validated.ts'

/** A query parameter or body member that requests a dry run. */
export const dryRunMember = flag.default(false)

/** `does` describes the effect of `true`, for the API documents. */
export function dryRunParameter(does: string) {
  return z.exactOptional(flagText.describe(`\`true\`: ${does}. The same as \`dryRun\` in the body.`))
}

export function isDryRun(query: { dryRun?: 'true' | 'false' }, body: { dryRun: boolean }): boolean {
  return query.dryRun === 'true' || body.dryRun
}
