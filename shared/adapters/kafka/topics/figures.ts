import { isOrderError } from '../../../domain/errors.ts'
import { nextOffset, type EventLog } from '../../../ports/event-log.ts'
import type { AdminClient } from '../client/admin.ts'
import type { Reader } from '../fetch/reader.ts'

interface Known {
  /** The group's committed offset at the last request. */
  readonly committed: number
  /**
   * `position` is the offset of the next record, or the partition's end if there was none. `end` is the partition's end
   * at the time of the lookup. Undefined until looked up.
   */
  readonly found: { readonly end: number; readonly position: number } | undefined
}

/** The ends of topics and the committed offsets of groups, corrected for transactions. */
export function createFigures(
  admin: Pick<AdminClient, 'offsets' | 'committed'>,
  reader: Reader,
): Pick<EventLog, 'offsets' | 'committed'> {
  /** The last results, by group, topic and partition. */
  const known = new Map<string, Known>()

  async function offsets(topic: string): Promise<Awaited<ReturnType<EventLog['offsets']>>> {
    // High watermarks are read first. If they were read last, records published in between would count as waiting for a
    // transaction.
    const ends = await reader.highWatermarks(topic)
    const stable = await admin.offsets(topic)
    return stable.map((offsets) => {
      const behindTransaction = (ends.get(offsets.partition) ?? offsets.end) - offsets.end
      return behindTransaction > 0 ? { ...offsets, behindTransaction } : offsets
    })
  }

  /**
   * librdkafka does not commit the offsets of transaction markers, so the committed offset of a group that has
   * processed everything may still point to a marker. Such a group is treated as if it had passed the marker.
   */
  async function committed(groupId: string, topic: string): Promise<ReadonlyMap<number, number>> {
    const positions = await admin.committed(groupId, topic)
    const offsets = await admin.offsets(topic)
    const passed = offsets.map(async ({ partition, first, end }): Promise<[number, number] | undefined> => {
      const position = positions.get(partition)
      const next = nextOffset(positions, { partition, first })
      if (next >= end) return position === undefined ? undefined : [partition, position]
      const beyond = await beyondMarkers(`${groupId}:${topic}:${partition}`, topic, partition, next, end)
      return position === undefined && beyond === first ? undefined : [partition, beyond]
    })
    return new Map((await Promise.all(passed)).filter((entry) => entry !== undefined))
  }

  /**
   * Reads the log only if the group has not moved since the last request. A group that has moved is still reading
   * records, so it has not stopped at a marker.
   */
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

  /** An unreadable batch counts as records that the group has not read yet, because it may contain records. */
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
