import type { PartitionEntry } from './file/log-file.ts'

/**
 * A topic as the main thread knows it, so that the main thread can publish and deliver without asking the log's thread.
 */
export interface Topic {
  readonly name: string
  /** Indexed by partition number. */
  readonly partitions: Partition[]
  /** Counts the records that have no key, so that they are spread over the partitions. */
  roundRobin: number
  /** Functions to call, once each, when records are next published to the topic. */
  readonly waiting: Set<() => void>
}

export interface Partition {
  readonly id: number
  readonly partition: number
  readonly topic: Topic
  /** The offset of the oldest record that has not been removed. */
  first: number
  /** The offset after the last flushed record. */
  end: number
}

export type EmbeddedTopics = ReturnType<typeof createEmbeddedTopics>

/** The topics and partitions of the log, as the main thread knows them. */
export function createEmbeddedTopics() {
  const names = new Map<string, Topic>()
  const ids = new Map<number, Partition>()

  function byId(partitionId: number): Partition {
    const partition = ids.get(partitionId)
    if (partition === undefined) throw new Error(`No partition has the id ${partitionId}.`)
    return partition
  }

  /** Advances the partitions' ends to these offsets after a flush, and wakes waiting deliveries. */
  function advance(ends: ReadonlyMap<number, number>): void {
    const grown = new Set<Topic>()
    for (const [id, end] of ends) {
      const partition = byId(id)
      // A delayed reply must not move a partition's end backwards.
      if (end <= partition.end) continue
      partition.end = end
      grown.add(partition.topic)
    }
    const woken = [...grown].flatMap(({ waiting }) => [...waiting])
    for (const { waiting } of grown) waiting.clear()
    if (woken.length === 0) return
    // The callers whose records were flushed continue first. So a record that is parked is counted as parked before it is
    // delivered from its new topic, and its order's history shows both in the usual sequence.
    setImmediate(() => {
      for (const wake of woken) wake()
    })
  }

  return {
    byName: (name: string): Topic | undefined => names.get(name),
    /** In the order in which the topics were created. */
    names: (): readonly string[] => [...names.keys()],
    byId,
    all: (): Iterable<Partition> => ids.values(),
    /**
     * Adds new partitions from the file and advances the first offsets and the ends of known partitions. The known
     * offsets may be out of date, because the log's thread may have ended after it removed or appended records but
     * before it replied.
     */
    load(entries: readonly PartitionEntry[]): void {
      for (const { id, topic: name, partition, first } of entries) {
        const known = ids.get(id)
        if (known !== undefined) {
          known.first = Math.max(known.first, first)
          continue
        }
        const topic = names.get(name) ?? { name, partitions: [], roundRobin: 0, waiting: new Set() }
        names.set(name, topic)
        const added = { id, partition, topic, first, end: first }
        ids.set(id, added)
        topic.partitions[partition] = added
      }
      advance(new Map(entries.map(({ id, end }) => [id, end])))
    },
    advance,
    /** After a removal, advances the partition's first offset. */
    begin(partitionId: number, first: number): void {
      byId(partitionId).first = first
    },
  }
}
