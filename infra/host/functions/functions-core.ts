import type { LogLevel } from '@azure/functions'
import { registerHooks } from 'node:module'
import type { FunctionApp, HookCallback, HookName } from './function-app.ts'
import type { FunctionCallback, FunctionMetadata, ProgrammingModel, RpcLogCategory } from './rpc.ts'

/**
 * `@azure/functions-core`, which exists only inside a Functions runtime. The library `@azure/functions` loads it by
 * that name and registers functions through it. Here the name resolves to a module that exports the object below. The
 * library loads it only once per process, so one core serves every app in turn.
 */
const NAME = '@azure/functions-core'
const MODULE_URL = 'functions-core:'
const PLACE = Symbol.for('order-event-processing.functions-core')
/** The version reported to functions: the version of the runtime that this host emulates. */
const VERSION = '4.1050.0'

interface Core {
  app: FunctionApp | undefined
  model: ProgrammingModel | undefined
}

type WithCore = typeof globalThis & { [PLACE]?: { core: Core } }

/** Makes functions and hooks register with this app. */
export function serveApp(app: FunctionApp): void {
  installCore().app = app
}

/**
 * The library's own code for running functions. The library sets it when the first function is registered.
 */
export function programmingModel(): ProgrammingModel {
  const { model } = installCore()
  if (model === undefined) throw new Error('No function has been registered with @azure/functions.')
  return model
}

/**
 * Kept on globalThis, because the library and this file may be in different module graphs, as they are under a test
 * runner.
 */
function installCore(): Core {
  const place = globalThis as WithCore
  if (place[PLACE] !== undefined) return place[PLACE].core
  const core: Core = { app: undefined, model: undefined }
  place[PLACE] = { core, ...createApi(core) }
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === NAME ? { url: MODULE_URL, format: 'commonjs', shortCircuit: true } : next(specifier, context),
    load: (url, context, next) =>
      url === MODULE_URL
        ? {
            format: 'commonjs',
            source: `module.exports = globalThis[Symbol.for(${JSON.stringify(PLACE.description)})]`,
            shortCircuit: true,
          }
        : next(url, context),
  })
  return core
}

function createApi(core: Core) {
  function app(): FunctionApp {
    if (core.app === undefined) throw new Error('No function app is being loaded.')
    return core.app
  }
  return {
    version: VERSION,
    hostVersion: VERSION,
    registerFunction(metadata: FunctionMetadata, callback: FunctionCallback) {
      app().register(metadata, callback)
    },
    registerHook(name: string, callback: HookCallback) {
      const { hooks: known } = app()
      if (!Object.hasOwn(known, name)) throw new RangeError(`Unrecognized hook "${name}"`)
      const hooks = known[name as HookName]
      hooks.push(callback)
      return {
        dispose() {
          const index = hooks.indexOf(callback)
          if (index >= 0) hooks.splice(index, 1)
        },
      }
    },
    setProgrammingModel(model: ProgrammingModel) {
      core.model = model
    },
    getProgrammingModel: () => core.model,
    log(level: LogLevel, category: RpcLogCategory, message: string) {
      app().log(level, category, message)
    },
  }
}
