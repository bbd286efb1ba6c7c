import { join } from 'node:path'
import { LOG_FILE } from '../../disk/data-files.ts'
import { makeDirectory } from '../../disk/make-directory.ts'
import { messageOf, OrderError } from '../../domain/errors.ts'
import type { EventLog, LogConsumer, LogHealth, RecordRemoval, TopicSpec } from '../../ports/event-log.ts'
import { copyLog, setGroupOffsets } from './file/copy-log.ts'
import type { GroupOffset } from './file/log-file.ts'
import { createLogThread, embeddedLogUnavailable } from './file/log-thread.ts'
import { createEmbeddedQueue } from './publish-queue.ts'
import { createRecordSource, damageError } from './record-source.ts'
import { createEmbeddedDelivery } from './delivery.ts'
import { createTailCache } from './tail-cache.ts'
import { createVerifyLog } from './file/verify-log.ts'
import type { QueueLimits } from '../queue-bounds.ts'
import { createEmbeddedTopics, type Partition, type Topic } from './topics.ts'

/**
 * The event log in a single file, for `npm start`, tests and small installations. Like Kafka, the log has topics,
 * partitions, offsets and consumer groups. Records are flushed to disk before they are acknowledged, and kept until
 * `removeRecords` removes them.
 */
export interface EmbeddedLog extends EventLog, LogConsumer, RecordRemoval {
  /** The records that are waiting to be flushed. */
  readonly queued: { readonly records: number; readonly bytes: number }
  /** The committed offsets of all consumer groups. */
  groupOffsets(): Promise<readonly GroupOffset[]>
  /**
   * Copies a consistent snapshot of the file, and sets the groups' committed offsets in the copy to `offsets`. Does not
   * flush the copy.
   */
  copyTo(file: string, offsets: readonly GroupOffset[]): Promise<void>
}

export interface EmbeddedLogOptions extends QueueLimits {
  /** The directory of `log.db`. Only one log can have that file open. */
  readonly directory: string
  /**
   * How many partitions a topic gets if publishing or subscribing creates it, like Kafka's `num.partitions`; 1 by
   * default.
   */
  readonly partitions?: number
  /** How long records are kept, as reported by `retention`; forever by default. */
  readonly retentionMs?: number | null
  /** The size of the cache for the newest records; 4 MiB by default. */
  readonly cacheBytes?: number
  /** Called once when writing starts to fail. `onBack` is called when writing works again. */
  readonly onAway?: (error: unknown) => void
  readonly onBack?: () => void
  /** Called when a subscription passes over damaged records. */
  readonly onPassedOver?: (topic: string, records: number) => void
  /** Called after a failed flush, which leaves the contents of the disk in doubt. The log then refuses all calls. */
  readonly onDiskInDoubt?: (error: unknown) => void
  /** The code that runs in the log's thread. A test may provide code that fails on purpose. */
  readonly worker?: URL
}

const CACHE_BYTES = 4 * 1024 * 1024
const READ_BYTES = 8 * 1024 * 1024

/** Rejects with `log-unavailable` if the directory or the file can't be used, or if another log has the file open. */
export async function createEmbeddedLog(options: EmbeddedLogOptions): Promise<EmbeddedLog> {
  const { directory, partitions = 1, maxQueuedRecords, maxQueuedBytes } = options
  const path = join(directory, LOG_FILE)
  try {
    makeDirectory(directory)
  } catch (error) {
    throw embeddedLogUnavailable(path, error)
  }

  const topics = createEmbeddedTopics()
  const cache = createTailCache(options.cacheBytes ?? CACHE_BYTES)
  let failure: unknown
  const thread = createLogThread({
    path,
    worker: options.worker,
    onDiskInDoubt: options.onDiskInDoubt,
    onDown: failed,
    onRestart: () => void reload(),
  })
  const source = createRecordSource(topics, cache, (ranges) => thread.call('read', ranges))
  const verifyLog = createVerifyLog(topics, (partitionId, from) => thread.call('verify', partitionId, from))
  const subscriptions = new Map<string, AsyncDisposable>()
  let keepers = 0
  let removing: Promise<unknown> = Promise.resolve()
  let isOpen = false
  let refusing = false
  let closed: Promise<void> | undefined

  const queue = createEmbeddedQueue({
    topics,
    maxQueuedRecords,
    maxQueuedBytes,
    append: (frames) => written(thread.call('append', frames)),
    onFlushed(frames, ends) {
      cache.add(frames)
      topics.advance(ends)
    },
  })

  function failed(error: unknown): void {
    // Until the log is open, the error goes to the caller of `createEmbeddedLog`.
    if (failure === undefined && isOpen) options.onAway?.(error)
    failure = error
  }

  function works(): void {
    if (failure !== undefined) options.onBack?.()
    failure = undefined
  }

  /**
   * Updates the log's health according to the outcome of the write. The first write that succeeds after a failure also
   * reloads the partitions' end offsets, because after a failed write only the file is certain to have the correct
   * ones.
   */
  async function written<T>(write: Promise<T>): Promise<T> {
    const failedBefore = failure !== undefined
    try {
      const result = await write
      if (failedBefore) {
        works()
        await reload()
      }
      return result
    } catch (error) {
      failed(error)
      throw error
    }
  }

  async function reload(): Promise<void> {
    try {
      topics.load(await thread.call('partitions'))
      works()
    } catch (error) {
      failed(error)
    }
  }

  async function makeTopics(specs: readonly Pick<TopicSpec, 'name' | 'partitions'>[]): Promise<void> {
    const plain = specs.map(({ name, partitions }) => ({ name, partitions }))
    topics.load(await thread.call('makeTopics', plain))
  }

  async function existing(name: string): Promise<Topic> {
    const topic = topics.byName(name)
    if (topic !== undefined) return topic
    await makeTopics([{ name, partitions }])
    return knownTopic(name)
  }

  function knownTopic(name: string): Topic {
    const topic = topics.byName(name)
    if (topic === undefined) throw embeddedLogUnavailable(path, new Error(`It has no topic ${name}.`))
    return topic
  }

  function knownPartition(name: string, number: number): Partition {
    const partition = knownTopic(name).partitions[number]
    if (partition === undefined)
      throw embeddedLogUnavailable(path, new Error(`The topic ${name} has no partition ${number}.`))
    return partition
  }

  async function close(): Promise<void> {
    // The queue stays open until the subscriptions have ended, because a batch in flight may publish to a retry topic.
    await Promise.all([...subscriptions.values()].map((subscription) => subscription[Symbol.asyncDispose]()))
    refusing = true
    await queue.drained()
    await thread[Symbol.asyncDispose]()
  }

  try {
    topics.load(await thread.call('partitions'))
    isOpen = true
    // A log that can be read but not written to is still useful, so the probe's error is not thrown. Health and
    // `onAway` report it.
    await Promise.allSettled([written(thread.call('probe'))])
  } catch (error) {
    await thread[Symbol.asyncDispose]()
    throw error
  }

  return {
    async publish(name, records) {
      if (refusing) throw embeddedLogUnavailable(path, new Error('The log is closed.'))
      return await queue.publish(topics.byName(name) ?? (await existing(name)), records)
    },
    async read(name, number, fromOffset, limit) {
      const { id, first, end } = knownPartition(name, number)
      const from = Math.max(first, fromOffset)
      if (limit <= 0 || from >= end) return []
      const range = { partitionId: id, from, limit: Math.min(limit, end - from), maxBytes: READ_BYTES }
      const { records, damaged } = await source.read([range])
      for (const { error } of damaged) throw error
      return records
    },
    async offsets(name) {
      return knownTopic(name).partitions.map(({ partition, first, end }) => ({ partition, first, end }))
    },
    async committed(groupId, name) {
      const byId = await thread.call('committed', groupId)
      const found = new Map<number, number>()
      for (const { id, partition, first } of topics.byName(name)?.partitions ?? []) {
        const next = byId.get(id)
        if (next !== undefined) found.set(partition, Math.max(next, first))
      }
      return found
    },
    readers: (name) => thread.call('readers', name),
    async members(groupId, name) {
      if (!subscriptions.has(JSON.stringify([groupId, name]))) return []
      const partitions = knownTopic(name).partitions.map(({ partition }) => partition)
      return [{ address: 'this process', isHere: true, partitions }]
    },
    async moveGroup(groupId, name, number, next) {
      const { id } = knownPartition(name, number)
      if (subscriptions.has(JSON.stringify([groupId, name]))) {
        throw new OrderError('conflict', `This process reads ${name} as ${groupId}, so the group cannot be moved.`)
      }
      await thread.call('commit', groupId, new Map([[id, next]]))
    },
    ensureTopics: (specs) => makeTopics(specs),
    // Only this process decides how long records are kept.
    settingWarnings: async () => [],
    alterRetention: async () => [],
    timestampTypeOf: () => 'CreateTime',
    // The log uses this process's clock.
    clock: () => ({ aheadMs: 0, isOff: false, isRefused: false }),
    identity: () => thread.call('identity'),
    inspect: async () => [await verifyLog()],
    // The log has no transactions, so every missing offset was once a record.
    retention: async () => ({
      maxAgeMs: options.retentionMs ?? null,
      maxBytes: null,
      holesAreMarkers: false,
      keepsUnprocessed: true,
    }),
    redaction: {
      topics: () => topics.names(),
      settled: () => queue.settled(),
      async replace(name, number, values) {
        const { id } = knownPartition(name, number)
        await thread.call('replace', id, values)
        cache.drop(id, values.keys())
      },
      purge: () => thread.call('purge'),
    },
    async health(): Promise<LogHealth> {
      // Checks whether writing works again, because callers may have stopped publishing.
      if (failure !== undefined) await Promise.allSettled([written(thread.call('probe'))])
      return failure === undefined ? { available: true } : { available: false, cause: messageOf(failure) }
    },
    async subscribe(subscription) {
      const { groupId, topic: name } = subscription
      const topic = await existing(name)
      const key = JSON.stringify([groupId, name])
      const committed = await thread.call('committed', groupId)
      if (subscriptions.has(key))
        throw new OrderError('conflict', `This process already reads ${name} in the group ${groupId}.`)
      const delivery = createEmbeddedDelivery({
        subscription,
        topic,
        committed,
        source,
        commit: (next) => thread.call('commit', groupId, next),
        onPassedOver: (records) => options.onPassedOver?.(topic.name, records),
      })
      subscriptions.set(key, delivery)
      return {
        async [Symbol.asyncDispose]() {
          await delivery[Symbol.asyncDispose]()
          subscriptions.delete(key)
        },
      }
    },
    async removeRecords(name, number, bounds) {
      const partition = knownPartition(name, number)
      if (keepers > 0) return { removed: 0, more: false, isHeld: true }
      const step = thread.call('removeRecords', partition.id, bounds)
      removing = step.catch(() => undefined)
      const { first, removed, more, damaged } = await step
      topics.begin(partition.id, first)
      return { removed, more, ...(damaged !== undefined && { unreadable: damageError(partition, damaged) }) }
    },
    topicsOf: (groupId) => thread.call('topicsOf', groupId),
    async forgetGroup(groupId) {
      const reads = [...topics.all()].find(({ topic }) => subscriptions.has(JSON.stringify([groupId, topic.name])))
      if (reads !== undefined) {
        throw new OrderError(
          'conflict',
          `This process reads ${reads.topic.name} as ${groupId}, so the group cannot be removed.`,
        )
      }
      await thread.call('forgetGroup', groupId)
    },
    async keepingRecords(work) {
      keepers += 1
      try {
        await removing
        return await work()
      } finally {
        keepers -= 1
      }
    },
    groupOffsets: () => thread.call('groupOffsets'),
    async copyTo(file, offsets) {
      await copyLog(path, file, { freeze: () => thread.call('freeze'), thaw: () => thread.call('thaw') })
      setGroupOffsets(file, offsets)
    },
    get queued() {
      return queue.queued
    },
    async [Symbol.asyncDispose]() {
      closed ??= close()
      await closed
    },
  }
}
