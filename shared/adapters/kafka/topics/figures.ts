import { isOrderError } from '../../../domain/errors.ts'
import { nextOffset, type EventLog } from '../../../ports/event-log.ts'
import type { AdminClient } from '../client/admin.ts'
import type { Reader } from '../fetch/reader.ts'

interface Known {
  /** The group's offset at the last question. */
  readonly committed: number
  /** The first record's offset from there on, and the partition's end then; undefined until looked up. */
  readonly found: { readonly end: number; readonly position: number } | undefined
}

/** The ends of topics and the positions of groups, corrected for transactions. */
export function createFigures(
  admin: Pick<AdminClient, 'offsets' | 'committed'>,
  reader: Reader,
): Pick<EventLog, 'offsets' | 'committed'> {
  /** The last findings, by group, topic and partition. */
  const known = new Map<string, Known>()

  async function offsets(topic: string): Promise<Awaited<ReturnType<EventLog['offsets']>>> {
    // High watermarks first: records published between the two answers must not seem to wait for a transaction.
    const ends = await reader.highWatermarks(topic)
    const stable = await admin.offsets(topic)
    return stable.map((place) => {
      const behindTransaction = (ends.get(place.partition) ?? place.end) - place.end
      return behindTransaction > 0 ? { ...place, behindTransaction } : place
    })
  }

  /**
   * librdkafka does not commit transaction markers, so a group that has processed everything stays before the marker for
   * ever. It counts as being after it.
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

  /** Looks only where the group has not moved since the last question, because a group that moves has records ahead. */
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

  /** The group counts as being before a batch that cannot be read, because that batch may hold records. */
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
