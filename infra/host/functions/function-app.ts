import type { LogLevel } from '@azure/functions'
import { writeLog, type HostLogger } from '../host-logger.ts'
import type { FunctionCallback, FunctionMetadata, RpcBinding, RpcLogCategory } from './rpc.ts'

/** The functions and hooks that the files of a function app have registered. */
export interface FunctionApp {
  /** The registered functions by id, in registration order. */
  readonly functions: ReadonlyMap<string, RegisteredFunction>
  readonly hooks: Readonly<Record<HookName, HookCallback[]>>
  /** Shared by all of the app's hooks. */
  readonly appHookData: Record<string, unknown>
  register(metadata: FunctionMetadata, callback: FunctionCallback): void
  /** After this call, registering a function throws, as in the Azure Functions runtime. */
  lock(): void
  log(level: LogLevel, category: RpcLogCategory, message: string, from?: LogOrigin): void
}

export interface RegisteredFunction {
  readonly metadata: FunctionMetadata
  readonly callback: FunctionCallback
}

export type HookName = 'appStart' | 'appTerminate' | 'preInvocation' | 'postInvocation' | 'log'
export type HookCallback = (context: object) => unknown

/** The invocation that a log line belongs to. */
export interface LogOrigin {
  readonly functionName: string
  readonly invocationId: string
  readonly hookData: Record<string, unknown>
  readonly invocationContext: unknown
}

export function isTrigger({ type }: RpcBinding): boolean {
  return /trigger$/i.test(type)
}

export function triggerOf({ metadata: { name, bindings } }: RegisteredFunction): { name: string; binding: RpcBinding } {
  const trigger = Object.entries(bindings).find(([, binding]) => isTrigger(binding))
  if (trigger === undefined) throw new Error(`The function ${name} has no trigger.`)
  return { name: trigger[0], binding: trigger[1] }
}

export function createFunctionApp(logger: HostLogger): FunctionApp {
  const functions = new Map<string, RegisteredFunction>()
  const hooks: Record<HookName, HookCallback[]> = {
    appStart: [],
    appTerminate: [],
    preInvocation: [],
    postInvocation: [],
    log: [],
  }
  const appHookData: Record<string, unknown> = {}
  let locked = false

  /** As in the worker, hooks may change lines that functions log, and a hook that throws does not suppress the line. */
  function throughHooks(level: LogLevel, category: RpcLogCategory, message: string, from: LogOrigin | undefined) {
    const context = {
      level,
      message,
      category,
      hookData: from?.hookData ?? {},
      appHookData,
      invocationContext: from?.invocationContext,
    }
    try {
      for (const hook of hooks.log) hook(context)
    } catch (error) {
      logger.warn({ err: error }, 'a log hook failed')
      return { level, message }
    }
    return category === 'user' ? { level: context.level, message: context.message } : { level, message }
  }

  return {
    functions,
    hooks,
    appHookData,
    register(metadata, callback) {
      if (locked) throw new Error('A function can only be registered during app startup.')
      const id = metadata.functionId ?? metadata.name
      const known = id.toLowerCase()
      if (functions.has(known)) throw new Error(`A function with id "${id}" has already been registered.`)
      functions.set(known, { metadata, callback })
    },
    lock() {
      locked = true
    },
    log(level, category, message, from) {
      const line = hooks.log.length === 0 ? { level, message } : throughHooks(level, category, message, from)
      const origin = from === undefined ? {} : { function: from.functionName, invocation: from.invocationId }
      writeLog(logger, line.level, { category, ...origin }, line.message)
    },
  }
}
