import { z } from 'zod'
import { DEFAULT_RATE_PER_SECOND } from '../application/dead-letters/redrive.ts'
import { actBody } from './acts.ts'
import { LETTERS_ONE_WAY, lettersBody } from './dead-letters.ts'
import { dryRunMember, dryRunParameter } from './dry-run.ts'
import { cursor, pageQuery } from './protocol/query.ts'
import { integer } from './protocol/validated.ts'

/** One page of a dry run checks at most this many letters. */
export const MAX_PREVIEWED = 500
const MAX_RATE_PER_SECOND = 500

/** The body of POST /api/dead-letters/{id}/redrive. */
export const redriveLetterBody = actBody.extend({ dryRun: dryRunMember })

/** The body of POST /api/dead-letters/redrive. */
export const redriveBody = lettersBody
  .extend({ ratePerSecond: integer(1, MAX_RATE_PER_SECOND).default(DEFAULT_RATE_PER_SECOND) })
  .meta(LETTERS_ONE_WAY)

/** The parameters of POST /api/dead-letters/{id}/redrive. */
export const redriveLetterQuery = z.object({ dryRun: dryRunParameter('report what would happen, but send nothing') })

/** The parameters of POST /api/dead-letters/redrive. Its dry run is paginated. */
export const redriveQuery = redriveLetterQuery.extend({ cursor: z.exactOptional(cursor) })

/** The parameters of GET /api/redrives. */
export const listRedrivesQuery = z.object(pageQuery)
