import { registerHooks } from 'node:module'
import type { FunctionApp, HookCallback, HookName } from './function-app.ts'
import type { FunctionCallback, FunctionMetadata, ProgrammingModel, RpcLogCategory, RpcLogLevel } from './rpc.ts'

/**
 * `@azure/functions-core`, which exists only inside a Functions runtime: the library `@azure/functions` requires it by
 * that name and registers through it. Here the name leads to a module that hands out the object below. The library
 * looks it up once a process, so one core serves every app in turn.
 */
const NAME = '@azure/functions-core'
const MODULE_URL = 'functions-core:'
const PLACE = Symbol.for('order-event-processing.functions-core')
/** What programs that ask are told: the version of the runtime whose behaviour this host follows. */
const VERSION = '4.1050.0'

const HOOK_NAMES: ReadonlySet<string> = new Set(['appStart', 'appTerminate', 'preInvocation', 'postInvocation', 'log'])

interface Core {
  app: FunctionApp | undefined
  model: ProgrammingModel | undefined
}

type WithCore = typeof globalThis & { [PLACE]?: { core: Core } }

/** From now on what is registered belongs to this app. */
export function serveApp(app: FunctionApp): void {
  installCore().app = app
}

/** The library's own way of running a function; set as soon as anything was registered with it. */
export function programmingModel(): ProgrammingModel {
  const { model } = installCore()
  if (model === undefined) throw new Error('No function has been registered with @azure/functions.')
  return model
}

/** Kept on globalThis, for the library and this file may live in two module graphs (a test runner has its own). */
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
      if (!HOOK_NAMES.has(name)) throw new RangeError(`Unrecognized hook "${name}"`)
      const hooks = app().hooks[name as HookName]
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
    log(level: RpcLogLevel, category: RpcLogCategory, message: string) {
      app().log(level, category, message)
    },
  }
}
