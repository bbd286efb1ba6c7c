import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import type { Services } from '../../shared/composition-root.ts'
import { foundation, services as openServices, useSettings } from '../../shared/services.ts'
import { readConfig, SETTING_NAMES } from '../../shared/settings/config.ts'
import { OrderError } from '../../shared/domain/errors.ts'
import { narrowKeys } from '../../shared/http/rights.ts'
import type { EmbeddedHost } from './embedded-host.ts'
import { readHostJson } from './host-json.ts'
import type { HostLogger } from './host-logger.ts'
import type { InvocationPath } from './http/http-invocation.ts'
import { readLocalSettings } from './local-settings.ts'

/** The product, running in this process. */
export interface Product {
  readonly url: string
  readonly services: Services
  /** The key for protected routes. `file` is undefined if the key comes from a setting. */
  readonly functionsKey: { readonly key: string; readonly file: string | undefined }
  /**
   * Interrupts everything that is waiting, lets requests and batches in flight finish, runs hooks, and closes the log
   * and the store, in that order.
   */
  readonly stop: () => Promise<void>
  /** Descriptions of the work that `stop` is still waiting for. */
  readonly unfinished: () => readonly string[]
}

/**
 * host.json keeps batches small because the runtime copies them several times. This host does not copy them, so it
 * allows larger batches, up to about 8 MiB each.
 */
const IN_ONE_PROCESS = { AzureFunctionsJobHost__extensions__kafka__maxBatchSize: '1000' }

/**
 * Reads the settings, opens the services, loads the functions and starts the host. May be called only once per process.
 * The environment overrides local.settings.json in `root`. If startup fails, everything that was opened is closed
 * again.
 */
export async function startProduct(root: string): Promise<Product> {
  const local = readLocalSettings(join(root, 'local.settings.json'), [...SETTING_NAMES, 'FUNCTIONS_INVOCATION'])
  if (local.unknown.length > 0) {
    process.stderr.write(`local.settings.json has unknown settings: ${local.unknown.join(', ')}.\n`)
  }
  // `func start` does the same, so code that reads the environment finds the settings.
  for (const [name, value] of Object.entries(local.values)) process.env[name] ??= value

  const config = readConfig(process.env, 'embedded')
  const invocation = invocationPath(process.env['FUNCTIONS_INVOCATION'])
  const hostJson = readHostJson(root, { ...IN_ONE_PROCESS, ...process.env })
  for (const line of config.withoutEffect) process.stderr.write(`${line}\n`)
  useSettings(config)

  const { logging } = await foundation()
  const loading = loadHost(root, logging.logger)
  // If the services cannot be opened, that error is reported instead.
  loading.catch(() => undefined)
  const services = await openServices()
  let host: EmbeddedHost | undefined
  async function stop(): Promise<void> {
    // First interrupts everything that is waiting, because a batch that is waiting for an unavailable store would keep
    // the host from closing.
    services.stop()
    await host?.close()
    await services[Symbol.asyncDispose]()
  }
  try {
    const [{ createHost, app }, functionsKey] = await Promise.all([loading, services.functionsKey()])
    host = await createHost({
      app,
      hostJson,
      consumer: services.log,
      functionsKey: functionsKey.key,
      narrowKeys: narrowKeys(config),
      corsOrigins: config.corsOrigins,
      logRefusals: config.logRefusals,
      logger: services.logger,
      invocation,
      settings: process.env,
    })
    const { unfinished } = host
    const address = await host.listen(config.port, config.host)
    const url = urlOf(address)
    await services.announce(url)
    return { url, services, functionsKey, stop, unfinished }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Loads the host and the functions while the threads of the log and the store start. */
async function loadHost(root: string, logger: HostLogger) {
  const [{ createHost, loadApp }, { loadFunctions }] = await Promise.all([
    import('./embedded-host.ts'),
    import('./functions/load-functions.ts'),
  ])
  return { createHost, app: await loadApp(logger, () => loadFunctions(root)) }
}

/** FUNCTIONS_INVOCATION: `lean` (the default) or `official`, which is slower and leaves every conversion to the library. */
function invocationPath(value = 'lean'): InvocationPath {
  if (value === 'lean' || value === 'official') return value
  throw new OrderError('invalid-setting', 'FUNCTIONS_INVOCATION must be lean or official.')
}

/** A wildcard address becomes localhost in the URL. */
function urlOf({ address, family, port }: AddressInfo): string {
  if (address === '0.0.0.0' || address === '::') return `http://localhost:${port}`
  return family === 'IPv6' ? `http://[${address}]:${port}` : `http://${address}:${port}`
}
