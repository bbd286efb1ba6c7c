import type { PartitionEntry } from './file/log-file.ts'

/** The main thread's picture of a topic, so that publishing and delivering need not ask the file. */
export interface Topic {
  readonly name: string
  /** By partition number. */
  readonly partitions: Partition[]
  /** The partition of the next record without a key. */
  roundRobin: number
  /** Called once, at the next publish to the topic. */
  readonly waiting: Set<() => void>
}

export interface Partition {
  readonly id: number
  readonly partition: number
  readonly topic: Topic
  /** The offset of the next record. Only flushed records count. */
  end: number
}

export interface EmbeddedTopics {
  byName(name: string): Topic | undefined
  byId(partitionId: number): Partition
  all(): Iterable<Partition>
  /** Takes over the file's new partitions and later ends. */
  load(entries: readonly PartitionEntry[]): void
  /** Moves the ends to these offsets after a flush, and wakes the deliveries that wait. */
  advance(ends: ReadonlyMap<number, number>): void
}

export function createEmbeddedTopics(): EmbeddedTopics {
  const names = new Map<string, Topic>()
  const ids = new Map<number, Partition>()

  function byId(partitionId: number): Partition {
    const partition = ids.get(partitionId)
    if (partition === undefined) throw new Error(`No partition has the id ${partitionId}.`)
    return partition
  }

  function advance(ends: ReadonlyMap<number, number>): void {
    const grown = new Set<Topic>()
    for (const [id, end] of ends) {
      const partition = byId(id)
      // An answer that a later one has overtaken must not move an end back.
      if (end <= partition.end) continue
      partition.end = end
      grown.add(partition.topic)
    }
    for (const { waiting } of grown) {
      const woken = [...waiting]
      waiting.clear()
      for (const wake of woken) wake()
    }
  }

  return {
    byName: (name) => names.get(name),
    byId,
    all: () => ids.values(),
    load(entries) {
      for (const { id, topic: name, partition } of entries) {
        if (ids.has(id)) continue
        const topic = names.get(name) ?? { name, partitions: [], roundRobin: 0, waiting: new Set() }
        names.set(name, topic)
        const added = { id, partition, topic, end: 0 }
        ids.set(id, added)
        topic.partitions[partition] = added
      }
      advance(new Map(entries.map(({ id, end }) => [id, end])))
    },
    advance,
  }
}
