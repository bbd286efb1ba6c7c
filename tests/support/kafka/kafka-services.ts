import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel, type Admin } from 'kafkajs'
import { openServices, type Services } from '../../../shared/composition-root.ts'
import { readConfig } from '../../../shared/settings/config.ts'
import type { LogRecord } from '../../../shared/ports/event-log.ts'
import type { TestBroker } from './kafka-broker.ts'

/** The product's use cases on a real broker and their own SQLite store, without a host. */
export interface KafkaServices extends AsyncDisposable {
  readonly all: Services
  readonly topic: string
  /**
   * Processes the orders topic as a consumer group does, either to its end or until at least this many records are
   * processed.
   */
  consume(atLeast?: number): Promise<void>
  /** Closes the services and opens them again, as if the process had been restarted. */
  reopen(): Promise<void>
}

export async function openKafkaServices(
  broker: Pick<TestBroker, 'address'>,
  settings: Record<string, string> = {},
): Promise<KafkaServices> {
  const directory = mkdtempSync(join(tmpdir(), 'services-'))
  const topic = settings['ORDERS_TOPIC'] ?? `orders-${randomUUID()}`
  const config = readConfig(
    {
      DATA_DIR: directory,
      KAFKA_BROKERS: broker.address,
      ORDERS_TOPIC: topic,
      ORDERS_PARTITIONS: '1',
      RETRY_DELAYS: '1s',
      LOG_LEVEL: 'silent',
      ...settings,
    },
    'embedded',
  )
  let all = await openServices(config)

  async function consume(atLeast?: number): Promise<void> {
    const { promise: done, resolve, reject } = Promise.withResolvers<void>()
    const [{ end } = { end: 0 }] = await all.log.offsets(topic)
    let processed = 0
    const subscription = await all.log.subscribe({
      groupId: all.topics.group,
      topic,
      maxBatchSize: 10,
      async onBatch(batch: readonly LogRecord[]) {
        if (atLeast !== undefined && processed >= atLeast) throw new Error('The consumer has stopped.')
        await all.storeOrders(batch.map((record) => ({ ...record, lossy: false })))
        processed += batch.length
        if (atLeast === undefined ? batch.at(-1)?.offset === end - 1 : processed >= atLeast) resolve()
      },
      onError: (error) => atLeast === undefined && reject(error),
    })
    await done
    await subscription[Symbol.asyncDispose]()
  }

  return {
    get all() {
      return all
    },
    topic,
    consume,
    async reopen() {
      await all[Symbol.asyncDispose]()
      all = await openServices(config)
    },
    async [Symbol.asyncDispose]() {
      await all[Symbol.asyncDispose]()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

export function kafkaOf({ address }: Pick<TestBroker, 'address'>): Kafka {
  return new Kafka({ brokers: [address], logLevel: logLevel.NOTHING })
}

export async function withAdmin<T>(
  broker: Pick<TestBroker, 'address'>,
  work: (admin: Admin) => Promise<T>,
): Promise<T> {
  const admin = kafkaOf(broker).admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}
