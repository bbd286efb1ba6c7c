import { text, type Parameter } from './connection.ts'
import { cut } from './values.ts'

/** The maximum lengths of the columns for groups, topics and codes, in UTF-16 code units. */
export const GROUP_UNITS = 200
export const TOPIC_UNITS = 249
export const CODE_UNITS = 200
/** The columns for partitions are INT. */
export const MAX_PARTITION = 2_147_483_647

/** The parameter @group, truncated to the length of its column. */
export function toGroup(groupId: string): Parameter {
  return text(cut(groupId, GROUP_UNITS))
}
