import { OrderError } from '../../domain/errors.ts'
import { sourcesOf, type Topics } from '../../messaging/topics.ts'
import type { RecordRemoval } from '../../ports/event-log.ts'
import type { Maintenance } from '../../ports/maintenance.ts'
import type { Act } from '../../ports/redrives.ts'

export interface ForgottenGroup {
  readonly group: string
  /** The topics that the group had read, ascending. */
  readonly topics: readonly string[]
}

/**
 * Forgets a consumer group that will not return, so that the records that it has not read may leave the log. A group of
 * this name that reads a topic later begins at the first record. Writes an audit entry. Rejects with `not-found` if the
 * group has read no topic. Rejects with `conflict` if the group is one of the product's own or is reading now, or if
 * the log does not keep records for groups.
 */
export type ForgetGroup = (group: string, act: Act) => Promise<ForgottenGroup>

export function createForgetGroup(dependencies: {
  removal: Pick<RecordRemoval, 'forgetGroup'> | undefined
  maintenance: Pick<Maintenance, 'recordAct'>
  topics: Topics
}): ForgetGroup {
  const { removal, maintenance, topics } = dependencies
  const own = new Set(sourcesOf(topics).map(({ group }) => group))

  return async function forgetGroup(group, act) {
    if (removal === undefined) {
      const detail =
        'Kafka removes records whether groups have read them or not. Delete the group with kafka-consumer-groups.sh.'
      throw new OrderError('conflict', detail)
    }
    if (own.has(group)) throw new OrderError('conflict', `${group} is the product's own group and will read on.`)
    const forgotten = await removal.forgetGroup(group)
    if (forgotten.length === 0) throw new OrderError('not-found', `No consumer group named ${group} has read a topic.`)
    await maintenance.recordAct('forget-group', group, act)
    return { group, topics: forgotten }
  }
}
