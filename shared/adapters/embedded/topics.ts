import type { PartitionEntry } from './file/log-file.ts'

/** What the main thread knows of the log, so that publishing and delivering ask the file nothing. */
export interface Topic {
  readonly name: string
  /** By partition number. */
  readonly partitions: Partition[]
  /** The partition of the next record without a key. */
  roundRobin: number
  /** Called once when something was published, then forgotten. */
  readonly waiting: Set<() => void>
}

export interface Partition {
  readonly id: number
  readonly partition: number
  readonly topic: Topic
  /** The offset that the next record will get. Only what is flushed counts. */
  end: number
}

export interface EmbeddedTopics {
  byName(name: string): Topic | undefined
  byId(partitionId: number): Partition
  all(): Iterable<Partition>
  /** Takes over what the file says: partitions that are new, and ends that went on. */
  load(entries: readonly PartitionEntry[]): void
  /** A flushed group reached these offsets: moves the ends and wakes who waits. */
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
      // An answer that was overtaken by a later one takes nothing back.
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
