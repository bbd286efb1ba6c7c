import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readOwner } from '../../shared/adapters/embedded/data-dir.ts'
import { messageOf } from '../../shared/domain/errors.ts'
import { readConfig } from '../../shared/settings/config.ts'
import { FUNCTIONS_KEY_FILE } from '../../shared/disk/data-files.ts'
import { UsageError } from './command.ts'
import { createHttpClient, UnreachableError, type OpsClient } from './client.ts'

/**
 * Connects to the instance at `url` or, without a `url`, to the instance that has locked DATA_DIR. If no instance is
 * running, this process opens the files itself.
 */
export async function connect(asked: {
  url: string | undefined
  key: string | undefined
  operator: string
  processing: boolean
  creates: boolean
}): Promise<OpsClient> {
  const config = readConfig(process.env, 'embedded')
  const key = asked.key ?? config.functionsKey
  const url = asked.url ?? config.opsUrl
  if (url !== undefined && !/^https?:\/\//i.test(url)) {
    throw new UsageError(`${JSON.stringify(url)} is not a URL: it must begin with http:// or https://.`)
  }
  if (url !== undefined) return createHttpClient(url, key, asked.operator)

  const owner = await readOwner(config.dataDir)
  if (owner !== undefined) {
    if (owner.url === undefined)
      throw new UnreachableError(`Process ${owner.pid} holds ${config.dataDir}, but is not serving requests yet.`)
    return createHttpClient(owner.url, key ?? keptKey(config.dataDir), asked.operator)
  }
  // With Kafka and SQL Server, the directory holds nothing of the installation but secrets.
  const isElsewhere = config.kafka !== undefined && config.sqlConnectionString !== undefined
  if (!asked.creates && !isElsewhere && !existsSync(config.dataDir)) {
    throw new UnreachableError(`${config.dataDir} does not exist: start the product, pass --url, or set DATA_DIR.`)
  }
  const { createLocalClient } = await import('./local-client.ts')
  return createLocalClient(asked.operator, { processing: asked.processing })
}

function keptKey(dataDir: string): string | undefined {
  const file = join(dataDir, FUNCTIONS_KEY_FILE)
  if (!existsSync(file)) return undefined
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new UsageError(`The key cannot be read (${messageOf(error)}): pass --key or set FUNCTIONS_KEY.`, {
      cause: error,
    })
  }
}
