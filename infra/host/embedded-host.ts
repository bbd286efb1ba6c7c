import type { AddressInfo } from 'node:net'
import { disabledFunctions } from '../../shared/settings/disabled-functions.ts'
import type { LogConsumer } from '../../shared/ports/event-log.ts'
import { within } from '../../shared/threads/waiting.ts'
import type { Environment } from '../../shared/settings/environment.ts'
import { createBindingResolver } from './binding-settings.ts'
import { createCors } from './http/cors.ts'
import { createFunctionApp, triggerOf, type FunctionApp, type RegisteredFunction } from './functions/function-app.ts'
import { createKeyCheck, type NarrowKey } from './http/function-keys.ts'
import { serveApp } from './functions/functions-core.ts'
import { runAppHooks } from './functions/hooks.ts'
import type { HostJson } from './host-json.ts'
import type { HostLogger } from './host-logger.ts'
import { createDispatch, type HttpFunction } from './http/http-dispatch.ts'
import { createHttpInvocation, type InvocationPath } from './http/http-invocation.ts'
import { createHttpServer, type HttpLimits } from './http/http-server.ts'
import { createKafkaInvocation } from './kafka/kafka-invocation.ts'
import { createKafkaListener, type KafkaListener } from './kafka/kafka-listener.ts'
import { createRouteTable, type RouteEntry } from './http/routes/route-table.ts'
import type { RpcBinding } from './functions/rpc.ts'

export interface EmbeddedHostOptions {
  readonly app: FunctionApp
  readonly hostJson: HostJson
  /** Delivers records to Kafka triggers. */
  readonly consumer: LogConsumer
  /** The key that gives access to every function. */
  readonly functionsKey: string
  /** Keys that each give access to certain functions only. */
  readonly narrowKeys?: readonly NarrowKey[]
  readonly corsOrigins: readonly string[]
  readonly logger: HostLogger
  readonly invocation: InvocationPath
  /** The app settings. Bindings refer to settings by name, and some settings disable functions. */
  readonly settings: Environment
  readonly limits?: Partial<HttpLimits>
  /** Whether requests that the host itself refuses are logged. */
  readonly logRefusals?: boolean
}

export interface EmbeddedHost {
  /** The names of the enabled functions. */
  readonly functions: readonly string[]
  /** Starts serving requests and delivering records. Rejects with Node's error if it cannot listen on the address. */
  listen(port: number, host: string): Promise<AddressInfo>
  /** Lets requests and batches in flight finish, then runs the appTerminate hooks. */
  close(): Promise<void>
  /** Descriptions of the work that `close` is still waiting for. */
  readonly unfinished: () => readonly string[]
}

/** The time after which the runtime kills its worker. */
const APP_TERMINATE_MS = 5000

/** Loads a function app. `load` loads the app's files, which register functions and hooks with `@azure/functions`. */
export async function loadApp(logger: HostLogger, load: () => Promise<void>): Promise<FunctionApp> {
  const app = createFunctionApp(logger)
  serveApp(app)
  await load()
  app.lock()
  return app
}

/**
 * A Functions host in this process, for development and small installations. It runs v4 functions with the official
 * library and handles routes, keys, retries and hooks as the runtime does.
 */
export async function createHost(options: EmbeddedHostOptions): Promise<EmbeddedHost> {
  const { app, hostJson, logger, settings, invocation } = options
  const disabled = disabledFunctions(settings)
  const enabled = [...app.functions.values()].filter(({ metadata }) => !disabled.has(metadata.name.toLowerCase()))
  const httpFunctions: RouteEntry<HttpFunction>[] = []
  const listeners: KafkaListener[] = []
  const resolve = createBindingResolver(settings)
  const invoke = createKafkaInvocation(app, invocation)
  const kafka = { consumer: options.consumer, hostJson, resolve, logger, invoke }
  for (const target of enabled) {
    const { binding: trigger } = triggerOf(target)
    const { name } = target.metadata
    switch (trigger.type.toLowerCase()) {
      case 'httptrigger':
        httpFunctions.push(toRoute(target, trigger, hostJson.routePrefix))
        break
      case 'kafkatrigger':
        listeners.push(createKafkaListener(target, trigger, kafka))
        break
      default:
        logger.warn({ function: name }, `${name} is skipped: this host has no ${trigger.type}`)
    }
  }

  const cors = createCors(options.corsOrigins)
  const server = createHttpServer({
    handle: createDispatch({
      routes: createRouteTable(httpFunctions),
      cors,
      checkKey: createKeyCheck(options.functionsKey, options.narrowKeys),
      invoke: createHttpInvocation(app, invocation),
    }),
    headersFor: options.corsOrigins.length > 0 ? cors.headersFor : undefined,
    onFault: (error, { method, path }) =>
      logger.error({ event: 'http:failed', method, path, err: error }, 'a request failed'),
    onRefusal: (refusal) => {
      if (options.logRefusals) logger.info({ event: 'http:refused', ...refusal }, 'a request was refused')
    },
    limits: options.limits,
  })
  await runAppHooks(app, 'appStart')

  let delivering: AsyncDisposable[] = []
  return {
    functions: [...httpFunctions.map(({ name }) => name), ...listeners.map(({ functionName }) => functionName)],
    async listen(port, host) {
      const address = await server.listen(port, host)
      delivering = await Promise.all(listeners.map(({ start }) => start()))
      return address
    },
    async close() {
      await Promise.all([server.close(), ...delivering.map((subscription) => subscription[Symbol.asyncDispose]())])
      await terminate(app, logger)
    },
    unfinished: () => [
      ...(server.inFlight > 0 ? [`${server.inFlight} HTTP requests`] : []),
      ...listeners.filter(({ busy }) => busy).map(({ functionName }) => `a batch of ${functionName}`),
    ],
  }
}

/** A function with a missing or empty route is served under its name. */
function toRoute(target: RegisteredFunction, trigger: RpcBinding, prefix: string): RouteEntry<HttpFunction> {
  const { name } = target.metadata
  const { methods, authLevel = 'function' } = trigger
  const route = trigger.route === undefined || trigger.route === '' ? name : trigger.route
  return {
    name,
    route: prefix === '' ? route : `${prefix}/${route}`,
    methods,
    target: { target, authLevel: authLevel.toLowerCase() },
  }
}

async function terminate(app: FunctionApp, logger: HostLogger): Promise<void> {
  try {
    await within(APP_TERMINATE_MS, 'Terminating the app', runAppHooks(app, 'appTerminate'))
  } catch (error) {
    logger.error({ err: error }, 'an appTerminate hook failed')
  }
}
