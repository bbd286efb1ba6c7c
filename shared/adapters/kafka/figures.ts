import type { EventLog } from '../../ports/event-log.ts'
import type { AdminClient } from './admin.ts'
import type { Reader } from './reader.ts'

export type LogFigures = Pick<EventLog, 'offsets' | 'committed'>

/** Where a topic ends and where its groups stand, with what transactions make of both. */
export function createFigures(admin: Pick<AdminClient, 'offsets' | 'committed'>, reader: Reader): LogFigures {
  /** By group, topic and partition: where it stood, and from where on there was a record, when that was last looked at. */
  const known = new Map<string, { readonly committed: number; readonly end: number; readonly position: number }>()

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
   * Transaction markers are no records, and librdkafka commits none of them: a group that has processed everything stands
   * before the marker for ever. It counts as standing behind it.
   */
  async function committed(groupId: string, topic: string): Promise<ReadonlyMap<number, number>> {
    const positions = await admin.committed(groupId, topic)
    const places = await admin.offsets(topic)
    const passed = places.map(async ({ partition, first, end }): Promise<[number, number] | undefined> => {
      const position = positions.get(partition)
      const next = Math.max(position ?? first, first)
      if (next >= end) return position === undefined ? undefined : [partition, position]
      const beyond = await beyondMarkers(`${groupId}:${topic}:${partition}`, topic, partition, next, end)
      return position === undefined && beyond === first ? undefined : [partition, beyond]
    })
    return new Map((await Promise.all(passed)).filter((one) => one !== undefined))
  }

  /** Looks only where nothing has moved since the last question: a group that moves has records before it. */
  async function beyondMarkers(key: string, topic: string, partition: number, committed: number, end: number) {
    const before = known.get(key)
    if (before?.committed === committed && (before.end === end || before.position < before.end)) return before.position
    const isMoving = before !== undefined && before.committed !== committed
    const position = isMoving ? committed : await firstRecord(topic, partition, committed, end)
    known.set(key, { committed, end, position })
    return position
  }

  async function firstRecord(topic: string, partition: number, from: number, end: number): Promise<number> {
    const [record] = await reader.read(topic, partition, from, 1)
    return Math.min(record?.offset ?? end, end)
  }

  return { offsets, committed }
}
