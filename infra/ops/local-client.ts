import { join } from 'node:path'
import { startProduct } from '../host/run.ts'
import { createHttpClient, type OpsClient } from './client.ts'

const ROOT = join(import.meta.dirname, '..', '..')
/** Function names, as `AzureWebJobs_<name>_Disabled` takes them. */
const WORKING = [
  'consumeOrders',
  'consumeDeadLetters',
  ...Array.from({ length: 20 }, (_, at) => `consumeRetry${at + 1}`),
]

/**
 * Nobody holds DATA_DIR: the product itself opens it in this process, on a free port of the loopback address, and is
 * closed again. Looking must change nothing, so records are processed only for a command that needs it.
 */
export async function createLocalClient(operator: string, asked: { processing: boolean }): Promise<OpsClient> {
  Object.assign(process.env, { HOST: '127.0.0.1', PORT: '0', LOG_LEVEL: 'error' })
  // Nobody asks it for the last hour, and a look at Kafka that is under way when it closes would keep its connections open.
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
