import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { FunctionApp } from '../../../infra/host/functions/function-app.ts'

/**
 * A process that runs the functions as the runtime's worker does: it loads the files that package.json's `main` names,
 * reads the settings of the Functions runtime, runs the start hooks, and then invokes functions as the official library
 * does. Kafka triggers get records from a separate consumer, as they do from the extension. SQLite stands in for SQL
 * Server when TEST_STORE names a file. With TEST_LARGE_BATCHES, every trigger gets that many full batches of large
 * orders instead. Prints its address, then the number of records processed. SIGTERM ends the process; the runtime ends
 * its worker in the same way.
 */
const CORE = Symbol.for('order-event-processing.functions-core')
const ROOT = join(import.meta.dirname, '..', '..', '..')

if ((process.env['TEST_STORE'] ?? '') !== '') {
  const standIn = pathToFileURL(join(ROOT, 'tests/support/functions/sqlite-as-mssql.ts')).href
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier.endsWith('/mssql/mssql-store.ts') ? { url: standIn, shortCircuit: true } : next(specifier, context),
  })
}

const { createHost, loadApp } = await import('../../../infra/host/embedded-host.ts')
const { runAppHooks } = await import('../../../infra/host/functions/hooks.ts')
const { readHostJson } = await import('../../../infra/host/host-json.ts')
const { loadFunctions } = await import('../../../infra/host/functions/load-functions.ts')
const { createKafkaLog } = await import('../../../shared/adapters/kafka/kafka-log.ts')
const { createLargeBatchConsumer } = await import('../../support/functions/large-batches.ts')
const { createLogger } = await import('../../../shared/telemetry/logs/logger.ts')
const { readConfig } = await import('../../../shared/settings/config.ts')

const { kafka } = readConfig(process.env, 'functions')
if (kafka === undefined) throw new Error('KAFKA_BROKERS is not set.')
const batches = Number(process.env['TEST_LARGE_BATCHES'] ?? 0)
const largeBatches = batches > 0 ? createLargeBatchConsumer(batches) : undefined
const consumer = largeBatches ?? createKafkaLog({ kafka, onWarning: () => undefined, onError: () => undefined })

const logger = createLogger('silent', process.stderr)
const host = await createHost({
  app: await loadApp(logger, () => loadFunctions(ROOT)),
  hostJson: readHostJson(ROOT, process.env),
  consumer,
  functionsKey: process.env['FUNCTIONS_KEY'] ?? '',
  corsOrigins: [],
  logger,
  invocation: 'official',
  settings: process.env,
})
const { port } = await host.listen(0, '127.0.0.1')
// Does what the worker does at WorkerTerminate: it runs the hooks at once, even with invocations in flight, and then
// exits.
process.once('SIGUSR2', () => {
  const { app } = (globalThis as unknown as Record<symbol, { core: { app: FunctionApp } }>)[CORE]!.core
  void runAppHooks(app, 'appTerminate').then(() => process.exit(0))
})
process.once('SIGTERM', () => void host.close().then(() => process.exit(0)))
process.stdout.write(`http://127.0.0.1:${port}\n`)
if (largeBatches !== undefined) {
  const triggers = host.functions.filter((name) => name.startsWith('consume')).length
  process.stdout.write(`drained ${await largeBatches.drained(triggers)}\n`)
}
