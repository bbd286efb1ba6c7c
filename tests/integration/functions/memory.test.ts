import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { startFunctionsWorker } from '../../support/functions/functions-worker.ts'
import { skipsKafka, startTestBroker } from '../../support/kafka/kafka-broker.ts'
import { cannotLimitMemory, createMemoryCgroup } from '../../support/functions/memory-cgroup.ts'
import { healthyDatabase } from '../../support/mssql/tds-database.ts'
import { startTdsServer } from '../../support/mssql/tds-server.ts'

/**
 * Tests that the worker needs no more than its share of a container's memory. For every trigger, orders of the
 * largest size that the API accepts (0.9 MB each in UTF-8) are waiting, and the trigger gets its next full batch as
 * soon as it has processed one. The test generates the orders; the broker is there for the ledger, which asks where the
 * log begins.
 */
const MIB = 1024 * 1024
const LIMIT = 900 * MIB
const MAX_BATCH_SIZE = 32
const BATCHES = 2
const TRIGGERS = 5

const settingsOfRole = readFileSync(
  join(import.meta.dirname, '../../../infra/kubernetes/base/order-processor.env'),
  'utf8',
)
const nodeOptions = /^NODE_OPTIONS=(.+)$/m.exec(settingsOfRole)?.[1] ?? ''

describe.skipIf(skipsKafka || (await cannotLimitMemory()))('a worker with little memory', () => {
  test('drains the largest lag of every trigger at once', async () => {
    await using database = await startTdsServer(healthyDatabase, 0, { remembers: false })
    await using broker = await startTestBroker()
    await using cgroup = createMemoryCgroup(LIMIT)
    await using worker = await startFunctionsWorker({
      settings: {
        NODE_OPTIONS: nodeOptions,
        KAFKA_BROKERS: broker.address,
        SQL_CONNECTION_STRING: `Server=127.0.0.1,${database.port};Database=orders;User Id=orders;Password=of-nothing-1A;Encrypt=false`,
        TEST_STORE: '',
        TEST_LARGE_BATCHES: String(BATCHES),
        AzureFunctionsJobHost__extensions__kafka__maxBatchSize: String(MAX_BATCH_SIZE),
      },
      launcher: cgroup.launcher,
    })
    await vi.waitFor(
      () => {
        if (worker.process.isRunning)
          expect(worker.process.output).toContain(`drained ${BATCHES * MAX_BATCH_SIZE * TRIGGERS}\n`)
      },
      { timeout: 260_000, interval: 200 },
    )
    expect(worker.process.isRunning).toBe(true)
  }, 280_000)
})
