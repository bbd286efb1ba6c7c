import { isOrderError } from '../../../domain/errors.ts'
import { nextOffset, type EventLog } from '../../../ports/event-log.ts'
import type { AdminClient } from '../client/admin.ts'
import type { Reader } from '../fetch/reader.ts'

export type LogFigures = Pick<EventLog, 'offsets' | 'committed'>

interface Known {
  /** Where the group stood at the last question. */
  readonly committed: number
  /** From where on there was a record, and where the partition ended then; undefined until somebody has looked. */
  readonly found: { readonly end: number; readonly position: number } | undefined
}

/** Where a topic ends and where its groups stand, with what transactions make of both. */
export function createFigures(admin: Pick<AdminClient, 'offsets' | 'committed'>, reader: Reader): LogFigures {
  /** By group, topic and partition: what was found out last. */
  const known = new Map<string, Known>()

  async function offsets(topic: string): Promise<Awaited<ReturnType<EventLog['offsets']>>> {
    // First without transactions: what is published between the two answers must not look as if it waited for one.
    const ends = await reader.highWatermarks(topic)
    const stable = await admin.offsets(topic)
    return stable.map((place) => {
      const behindTransaction = (ends.get(place.partition) ?? place.end) - place.end
      return behindTransaction > 0 ? { ...place, behindTransaction } : place
    })
  }

  /**
   * librdkafka does not commit transaction markers, so a group that has processed everything stands before the marker for
   * ever. It counts as standing behind it.
   */
  async function committed(groupId: string, topic: string): Promise<ReadonlyMap<number, number>> {
    const positions = await admin.committed(groupId, topic)
    const places = await admin.offsets(topic)
    const passed = places.map(async ({ partition, first, end }): Promise<[number, number] | undefined> => {
      const position = positions.get(partition)
      const next = nextOffset(positions, { partition, first })
      if (next >= end) return position === undefined ? undefined : [partition, position]
      const beyond = await beyondMarkers(`${groupId}:${topic}:${partition}`, topic, partition, next, end)
      return position === undefined && beyond === first ? undefined : [partition, beyond]
    })
    return new Map((await Promise.all(passed)).filter((one) => one !== undefined))
  }

  /** Looks only where nothing has moved since the last question: a group that moves has records before it. */
  async function beyondMarkers(key: string, topic: string, partition: number, committed: number, end: number) {
    const before = known.get(key)
    if (before !== undefined && before.committed !== committed) {
      known.set(key, { committed, found: undefined })
      return committed
    }
    const found = before?.found
    if (found !== undefined && (found.end === end || found.position < found.end)) return found.position
    const position = await firstRecord(topic, partition, committed, end)
    known.set(key, { committed, found: { end, position } })
    return position
  }

  /** A batch that cannot be read holds records, or holds up whoever reads: the group stands before it. */
  async function firstRecord(topic: string, partition: number, from: number, end: number): Promise<number> {
    try {
      const [record] = await reader.read(topic, partition, from, 1)
      return Math.min(record?.offset ?? end, end)
    } catch (error) {
      if (isOrderError(error) && error.code === 'log-unreadable') return from
      throw error
    }
  }

  return { offsets, committed }
}
