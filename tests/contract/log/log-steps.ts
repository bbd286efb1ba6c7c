import { randomUUID } from 'node:crypto'
import type {
  EventLog,
  LogConsumer,
  LogRecord,
  RecordToPublish,
  Subscription,
} from '../../../shared/ports/event-log.ts'

export type Log = EventLog & LogConsumer

export interface OpenedLog extends AsyncDisposable {
  readonly log: Log
  /** Closes the log and reopens it on the same data. */
  restart(): Promise<Log>
}

export interface LogFeatures {
  /** Whether offsets increase by one from 0. False if transaction markers or compaction leave holes. */
  readonly denseOffsets: boolean
  /** After `restart` all earlier records are still there. */
  readonly survivesRestart: boolean
}

/** Creates a topic for one test. */
export async function newTopic(log: EventLog, partitions: number): Promise<string> {
  const name = `contract-${randomUUID()}`
  await log.ensureTopics([{ name, partitions, replication: 1, config: {} }])
  return name
}

interface Collected extends AsyncDisposable {
  /** The records of the batches for which `onBatch` resolved. */
  readonly records: LogRecord[]
  readonly batches: (readonly LogRecord[])[]
  /** Every batch that was delivered, including rejected ones. */
  readonly attempts: (readonly LogRecord[])[]
  readonly errors: unknown[]
}

/** Subscribes, by default with a new group, and collects the records. */
export async function collect(
  log: LogConsumer,
  options: { topic: string; maxBatchSize: number; groupId?: string },
  onBatch: Subscription['onBatch'] = async () => {},
): Promise<Collected> {
  const kept = {
    records: [] as LogRecord[],
    batches: [] as (readonly LogRecord[])[],
    attempts: [] as (readonly LogRecord[])[],
  }
  const errors: unknown[] = []
  const subscription = await log.subscribe({
    groupId: randomUUID(),
    ...options,
    async onBatch(records, signal) {
      kept.attempts.push(records)
      await onBatch(records, signal)
      kept.batches.push(records)
      kept.records.push(...records)
    },
    onError: (error) => errors.push(error),
  })
  return { ...kept, errors, [Symbol.asyncDispose]: () => subscription[Symbol.asyncDispose]() }
}

export async function readAll(log: EventLog, topic: string): Promise<LogRecord[]> {
  const all: LogRecord[] = []
  for (const { partition, first, end } of await log.offsets(topic)) {
    for (let from = first; from < end;) {
      const records = await log.read(topic, partition, from, 1000)
      all.push(...records)
      from = (records.at(-1)?.offset ?? end) + 1
    }
  }
  return all
}

export function numbered(count: number): RecordToPublish[] {
  return Array.from({ length: count }, (_, n) => ({ key: `key-${n}`, value: `value-${n}`, headers: [] }))
}

/**
 * Converts bytes to hexadecimal text, which `expect` can show and compare whatever the bytes' class is; null stays
 * null.
 */
export function text(data: Uint8Array | string | null): string | null {
  return data === null ? null : Buffer.from(data as Uint8Array).toString('hex')
}
