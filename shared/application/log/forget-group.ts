import { OrderError } from '../../domain/errors.ts'
import { sourcesOf, type Topics } from '../../messaging/topics.ts'
import type { EventLog, RecordRemoval } from '../../ports/event-log.ts'
import type { Maintenance } from '../../ports/maintenance.ts'
import type { Act } from '../../ports/redrives.ts'
import { formerRetriesOf } from './former-retries.ts'

export interface ForgottenGroup {
  readonly group: string
  /** The topics that the group had read, in ascending order. */
  readonly topics: readonly string[]
}

/**
 * Forgets a consumer group that will not return, so that the records that it has not read may leave the log. If a group
 * of this name reads a topic later, it begins at the first record. Writes an audit entry. Rejects with `not-found` if
 * the group has not read any topic. Rejects with `conflict` if the log does not keep records for groups, if the group
 * is reading at the moment, or if the group is one of the product's own. These include the groups of retry tiers that
 * are no longer configured.
 */
export type ForgetGroup = (group: string, act: Act) => Promise<ForgottenGroup>

export function createForgetGroup(dependencies: {
  log: Pick<EventLog, 'offsets' | 'members'>
  removal: Pick<RecordRemoval, 'topicsOf' | 'forgetGroup'> | undefined
  maintenance: Pick<Maintenance, 'recordAct'>
  topics: Topics
}): ForgetGroup {
  const { log, removal, maintenance, topics } = dependencies

  return async function forgetGroup(group, act) {
    if (removal === undefined) {
      const detail =
        'Kafka removes records whether groups have read them or not. Delete the group with kafka-consumer-groups.sh.'
      throw new OrderError('conflict', detail)
    }
    await refuseOwn(group)
    const read = await removal.topicsOf(group)
    if (read.length === 0) throw new OrderError('not-found', `No consumer group named ${group} has read any topic.`)
    await refuseMembers(group, read)

    // The audit entry is written first. If writing it fails, the group still exists, so the operator can repeat the
    // call.
    await maintenance.recordAct('forget-group', group, act)
    await removal.forgetGroup(group)
    return { group, topics: read }
  }

  /**
   * Former retry tiers count too. Without a committed offset, such a group would need every record of its topic, so the
   * log would not remove any of them.
   */
  async function refuseOwn(group: string): Promise<void> {
    const own = [...sourcesOf(topics), ...(await formerRetriesOf(log, topics))]
    if (own.every((source) => source.group !== group)) return
    throw new OrderError('conflict', `${group} is the product's own group, so it cannot be forgotten.`)
  }

  async function refuseMembers(group: string, read: readonly string[]): Promise<void> {
    const members = await Promise.all(read.map((topic) => log.members(group, topic)))
    if (members.flat().length === 0) return
    throw new OrderError('conflict', `The group ${group} is reading now, so it cannot be forgotten.`)
  }
}
