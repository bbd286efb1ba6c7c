import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createEmbeddedLog, type EmbeddedLogOptions } from '../../../shared/adapters/embedded/embedded-log.ts'
import { isOrderError, type ErrorCode } from '../../../shared/domain/errors.ts'
import type { LogRecord } from '../../../shared/ports/event-log.ts'
import { eventLogContract } from './event-log.contract.ts'
import { logConsumerContract } from './log-consumer.contract.ts'
import { collect, numbered, readAll } from './log-steps.ts'
import { recordRemovalContract } from './record-removal.contract.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

async function openContractLog() {
  const directory = mkdtempSync(join(tmpdir(), 'embedded-log-'))
  let log = await createEmbeddedLog({ directory })
  return {
    log,
    async restart() {
      await log[Symbol.asyncDispose]()
      return (log = await createEmbeddedLog({ directory }))
    },
    async [Symbol.asyncDispose]() {
      await log[Symbol.asyncDispose]()
      rmSync(directory, { recursive: true })
    },
  }
}

const FEATURES = { denseOffsets: true, survivesRestart: true }
eventLogContract('The embedded log', openContractLog, FEATURES)
logConsumerContract('The embedded log', openContractLog, FEATURES)
recordRemovalContract('The embedded log', openContractLog)

const KIB = 1024
const MIB = 1024 * KIB

async function openLog(options: Partial<EmbeddedLogOptions> = {}) {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'embedded-log-'))
  const log = await createEmbeddedLog({ partitions: 3, ...options, directory })
  onTestFinished(async () => {
    await log[Symbol.asyncDispose]()
    rmSync(directory, { recursive: true, force: true })
  })
  return { log, directory }
}

function withCode(code: ErrorCode, retriable: boolean) {
  return (error: unknown) => isOrderError(error) && error.code === code && error.retriable === retriable
}

describe('The embedded log', () => {
  it('refuses records beyond its queue limit, says when to try again, and accepts more once the disk has caught up', async () => {
    const { log } = await openLog({ maxQueuedRecords: 10 })
    const fits = log.publish('t', numbered(10))
    await fits
    const outcomes = await Promise.allSettled(Array.from({ length: 30 }, () => log.publish('t', numbered(1))))
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(refused).toHaveLength(20)
    for (const { reason } of refused) {
      expect(reason).toSatisfy(withCode('queue-full', true))
      expect(reason).toHaveProperty('retryAfterSeconds', 1)
    }
    await log.publish('t', numbered(1))
    expect(await readAll(log, 't')).toHaveLength(21)
    expect(log.queued).toEqual({ records: 0, bytes: 0 })
  })

  it('limits the queue in bytes as well', async () => {
    const { log } = await openLog({ maxQueuedBytes: MIB })
    const record = { key: 'k', value: 'x'.repeat(300 * KIB), headers: [] }
    await log.publish('t', [record])
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => log.publish('t', [record])))
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
    ])
  })

  it('accepts a call that exceeds the queue limit on its own when the queue is empty', async () => {
    const { log } = await openLog({ maxQueuedRecords: 10 })
    expect(await log.publish('t', numbered(50))).toHaveLength(50)
  })

  it('accepts a record of 2 MiB with its headers, and refuses one that is a byte larger', async () => {
    const { log } = await openLog()
    const frame = 32
    await log.publish('t', [{ key: null, value: new Uint8Array(2 * MIB - frame), headers: [] }])
    const larger = log.publish('t', [{ key: null, value: new Uint8Array(2 * MIB - frame + 1), headers: [] }])
    await expect(larger).rejects.toSatisfy(withCode('record-too-large', false))
  })

  it('refuses a timestamp that is not an integer, without harm to concurrent publishers', async () => {
    const { log } = await openLog()
    const [bad, good] = await Promise.allSettled([
      log.publish('t', [{ key: 'k', value: 'bad', headers: [], timestamp: Number.NaN }]),
      log.publish('t', [{ key: 'k', value: 'good', headers: [] }]),
    ])
    expect(bad).toHaveProperty('reason.message', 'A timestamp must be a whole number, not NaN.')
    expect(good.status).toBe('fulfilled')
  })

  it('delivers the same from memory and from the file', async () => {
    const { log } = await openLog({ cacheBytes: 64 * KIB })
    for (let n = 0; n < 20; n++) await log.publish('t', numbered(100))
    await using consumer = await collect(log, { topic: 't', maxBatchSize: 70 })
    await vi.waitFor(() => expect(consumer.records).toHaveLength(2000), { timeout: 10_000 })
    const inOrder = consumer.records.toSorted((a, b) => a.partition - b.partition || a.offset - b.offset)
    expect(inOrder).toEqual(await readAll(log, 't'))
    await log.publish('t', numbered(1))
    await vi.waitFor(() => expect(consumer.records).toHaveLength(2001))
  })

  it('gives each consumer its own copy of the bytes', async () => {
    const { log } = await openLog()
    await log.publish('t', [{ key: 'k', value: 'untouched', headers: [] }])
    await using spoiler = await collect(log, { topic: 't', maxBatchSize: 1 }, async ([record]) => {
      record?.value?.fill(0)
    })
    await vi.waitFor(() => expect(spoiler.records).toHaveLength(1))
    const [record] = await readAll(log, 't')
    expect(Buffer.from(record?.value ?? []).toString()).toBe('untouched')
  })

  it('keeps no more than its cache in memory for a consumer that does not move', async () => {
    const { log } = await openLog({ cacheBytes: MIB })
    const stalled = await collect(log, { topic: 't', maxBatchSize: 10 }, (_, signal) => {
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('closing'))))
    })
    const records = Array.from({ length: 500 }, (_, n) => ({ key: `${n}`, value: 'x'.repeat(KIB), headers: [] }))
    const publishMany = async (calls: number) => {
      for (let n = 0; n < calls; n++) await log.publish('t', records)
    }
    await publishMany(40)
    const before = process.memoryUsage().arrayBuffers
    await publishMany(160) // 80 MiB
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(40 * MIB)
    await stalled[Symbol.asyncDispose]()
  })

  it('delivers a batch of large records in bounded parts', async () => {
    const { log } = await openLog({ cacheBytes: 0 })
    const large = { key: 'k', value: 'x'.repeat(1.5 * MIB), headers: [] }
    for (let n = 0; n < 8; n++) await log.publish('t', [large])
    await using consumer = await collect(log, { topic: 't', maxBatchSize: 100 })
    await vi.waitFor(() => expect(consumer.records).toHaveLength(8), { timeout: 10_000 })
    expect(Math.max(...consumer.batches.map((batch) => batch.length))).toBeLessThan(8)
  })

  it('does not block while a rejected batch waits for its next delivery', async () => {
    const { log } = await openLog()
    await log.publish('t', numbered(1))
    const consumer = await collect(log, { topic: 't', maxBatchSize: 1 }, async () => {
      throw new Error('never')
    })
    await vi.waitFor(() => expect(consumer.attempts.length).toBeGreaterThan(1), { timeout: 5000 })
    await consumer[Symbol.asyncDispose]()
    const attempts = consumer.attempts.length
    expect(consumer.errors).toHaveLength(attempts)
    expect(consumer.errors[0]).toHaveProperty('message', 'never')
  })

  it('lets a group read a topic only once at a time', async () => {
    const { log } = await openLog()
    await using _ = await collect(log, { topic: 't', groupId: 'g', maxBatchSize: 1 })
    await expect(collect(log, { topic: 't', groupId: 'g', maxBatchSize: 1 })).rejects.toSatisfy(
      withCode('conflict', false),
    )
  })

  it('lets a batch in flight publish while the log closes, and nobody afterwards', async () => {
    const { log } = await openLog()
    const begun = Promise.withResolvers<void>()
    let parked = 0
    await collect(log, { topic: 't', maxBatchSize: 1 }, async (_, signal) => {
      begun.resolve()
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
      parked = (await log.publish('retry', numbered(1))).length
    })
    await log.publish('t', numbered(1))
    await begun.promise
    await log[Symbol.asyncDispose]()
    expect(parked).toBe(1)
    await expect(log.publish('t', numbered(1))).rejects.toSatisfy(withCode('log-unavailable', true))
  })

  describe('that redacts records', () => {
    const redacted = new Map([[1, Buffer.from('gone')]])
    const valuesIn = (directory: string) =>
      ['log.db', 'log.db-wal'].map((name) => readFileSync(join(directory, name), 'latin1')).join('')

    it('replaces values in place, with their checksums, for readers from memory and from the file', async () => {
      const { log, directory } = await openLog({ partitions: 1 })
      const records = Array.from({ length: 200 }, (_, n) => ({
        key: `k${n}`,
        value: `SECRET${n} ${'x'.repeat(900)}`,
        headers: [['h', `h${n}`]] as const,
      }))
      await log.publish('t', records)
      const before = await readAll(log, 't')
      await log.redaction?.replace(
        't',
        0,
        new Map(records.map((_, n) => [n, Buffer.from(n % 2 ? 'x' : 'y'.repeat(950))])),
      )
      await log.redaction?.purge()
      expect(valuesIn(directory)).not.toContain('SECRET')
      const after = await readAll(log, 't')
      const others = ({ offset, timestamp, key, headers }: LogRecord) => ({ offset, timestamp, key, headers })
      expect(after.map(others)).toEqual(before.map(others))
      expect(after.every(({ value }) => !String(value).includes('SECRET'))).toBe(true)
      expect(await log.inspect()).toMatchObject([{ well: true }])
      await log.publish('t', numbered(1))
      expect((await log.offsets('t')).map(({ end }) => end)).toEqual([201])
    })

    it('changes nothing if one of the records does not exist', async () => {
      const { log } = await openLog({ partitions: 1 })
      await log.publish('t', numbered(3))
      const values = new Map([...redacted, [7, Buffer.from('gone')]])
      await expect(log.redaction?.replace('t', 0, values)).rejects.toSatisfy(withCode('log-unavailable', true))
      expect((await readAll(log, 't')).map(({ value }) => String(value))).not.toContain('gone')
      await log.redaction?.replace('t', 0, redacted)
      expect((await readAll(log, 't')).map(({ value }) => String(value))).toContain('gone')
    })

    it('lists every topic, the oldest first, including topics that nobody uses after reopening', async () => {
      const { log, directory } = await openLog({ partitions: 1 })
      for (const topic of ['z', 'a']) await log.publish(topic, numbered(1))
      expect(log.redaction?.topics()).toEqual(['z', 'a'])
      await log[Symbol.asyncDispose]()
      await using reopened = await createEmbeddedLog({ directory })
      expect(reopened.redaction?.topics()).toEqual(['z', 'a'])
    })

    it('knows when everything that was published before is in it', async () => {
      const { log } = await openLog({ partitions: 1 })
      await log.ensureTopics([{ name: 't', partitions: 1, replication: 1, config: {} }])
      const publishing = log.publish('t', numbered(5))
      await log.redaction?.settled()
      expect(await log.offsets('t')).toMatchObject([{ end: 5 }])
      await publishing
    })
  })

  it('can be opened by only one owner at a time', async () => {
    const { directory } = await openLog()
    await expect(createEmbeddedLog({ directory })).rejects.toSatisfy(withCode('log-unavailable', true))
  })

  it('reports a path that is not a directory in one line', async () => {
    const directory = temporaryDirectory()
    const file = join(directory, 'file')
    writeFileSync(file, '')
    const error = await createEmbeddedLog({ directory: join(file, 'sub') }).catch((error: unknown) => error)
    expect(error).toSatisfy(withCode('log-unavailable', true))
    expect(error).toHaveProperty('message', expect.stringMatching(/^The log .* can't be used: ENOTDIR.*$/))
  })

  it('does not touch a file that is not a log', async () => {
    const directory = temporaryDirectory()
    writeFileSync(join(directory, 'log.db'), 'not a database, but something long enough to be read as one'.repeat(20))
    await expect(createEmbeddedLog({ directory })).rejects.toHaveProperty(
      'message',
      expect.stringContaining('not a database'),
    )
  })

  it('reports the death of its thread, and starts another that has every acknowledged record', async () => {
    const workers: Worker[] = []
    const remember = (worker: Worker) => workers.push(worker)
    process.on('worker', remember)
    onTestFinished(() => void process.off('worker', remember))
    const { log } = await openLog()
    await using consumer = await collect(log, { topic: 't', maxBatchSize: 100 })
    await log.publish('t', numbered(10))

    const inFlight = log.publish('t', [{ key: 'k', value: 'in flight', headers: [] }])
    const [outcome] = await Promise.allSettled([inFlight, workers[0]?.terminate()])
    expect(outcome).toHaveProperty('reason', expect.toSatisfy(withCode('log-unavailable', true)))
    expect(await log.health()).toMatchObject({ available: false, cause: expect.stringContaining('thread ended') })

    await vi.waitFor(async () => expect(await log.health()).toEqual({ available: true }), { timeout: 5000 })
    expect(workers).toHaveLength(2)
    await log.publish('t', [{ key: 'k', value: 'afterwards', headers: [] }])
    const kept = await readAll(log, 't')
    expect(kept.length).toBeGreaterThanOrEqual(11)
    await vi.waitFor(() => expect(consumer.records).toHaveLength(kept.length), { timeout: 5000 })
  })
})
