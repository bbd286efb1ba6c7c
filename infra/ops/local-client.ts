import { join } from 'node:path'
import { startProduct } from '../host/run.ts'
import { createHttpClient, type OpsClient } from './client.ts'

const ROOT = join(import.meta.dirname, '..', '..')
/** The functions that process records. */
const WORKING = [
  'consumeOrders',
  'consumeDeadLetters',
  ...Array.from({ length: 20 }, (_, at) => `consumeRetry${at + 1}`),
]

/**
 * Starts the product in this process, on a free loopback port, for a DATA_DIR that no process has locked. Disposing
 * stops the product. Records are processed only if `asked.processing` is set, because a read-only command must not
 * change anything.
 */
export async function createLocalClient(operator: string, asked: { processing: boolean }): Promise<OpsClient> {
  Object.assign(process.env, { HOST: '127.0.0.1', PORT: '0', LOG_LEVEL: 'error' })
  // No command reads the pipeline's history, and collecting that history would send requests to Kafka. These requests
  // could keep connections open when the command ends.
  for (const name of ['opsHistory', ...(asked.processing ? [] : WORKING)])
    process.env[`AzureWebJobs_${name}_Disabled`] = 'true'
  const { url, functionsKey, services, stop } = await startProduct(ROOT)
  return {
    ...createHttpClient(url, functionsKey.key, operator),
    target: services.config.dataDir,
    isAlone: true,
    [Symbol.asyncDispose]: stop,
  }
}
