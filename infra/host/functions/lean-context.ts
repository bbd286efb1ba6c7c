import { format } from 'node:util'
import type {
  EffectiveFunctionOptions,
  FunctionOutput,
  FunctionTrigger,
  InvocationContext as OfficialContext,
  RetryContext,
  LogLevel,
} from '@azure/functions'
import { isTrigger } from './function-app.ts'
import { InvocationContext } from './functions-library.ts'
import type { CoreInvocationContext, FunctionContext, RpcBinding } from './rpc.ts'

export type TriggerMetadata = Record<string, unknown>

/**
 * An InvocationContext that functions cannot distinguish from the library's own, not even with `instanceof`. Its parts
 * are created on first use. The library's own context keeps private fields in WeakMaps, which burden the garbage
 * collector.
 */
export class LeanContext implements FunctionContext {
  invocationId: string
  functionName: string
  retryContext: RetryContext | undefined
  traceContext: undefined = undefined
  /** True once the function has returned. Log calls after that come from work that was not awaited. */
  isDone = false
  readonly #core: CoreInvocationContext
  readonly #readMetadata: (() => TriggerMetadata) | undefined
  #triggerMetadata: TriggerMetadata | undefined
  #options: EffectiveFunctionOptions | undefined
  #values: OfficialContext | undefined

  constructor(core: CoreInvocationContext, readMetadata: (() => TriggerMetadata) | undefined) {
    this.#core = core
    this.#readMetadata = readMetadata
    this.invocationId = core.invocationId
    this.functionName = core.metadata.name
    this.retryContext = core.request.retryContext
  }

  get triggerMetadata(): TriggerMetadata | undefined {
    this.#triggerMetadata ??= this.#readMetadata?.()
    return this.#triggerMetadata
  }

  set triggerMetadata(metadata: TriggerMetadata | undefined) {
    this.#triggerMetadata = metadata
  }

  get options(): EffectiveFunctionOptions {
    this.#options ??= effectiveOptions(this.#core.metadata.bindings)
    return this.#options
  }

  set options(options: EffectiveFunctionOptions) {
    this.#options = options
  }

  get extraInputs(): OfficialContext['extraInputs'] {
    return this.#library().extraInputs
  }

  get extraOutputs(): OfficialContext['extraOutputs'] {
    return this.#library().extraOutputs
  }

  log(...args: unknown[]): void {
    this.#write('information', args)
  }

  trace(...args: unknown[]): void {
    this.#write('trace', args)
  }

  debug(...args: unknown[]): void {
    this.#write('debug', args)
  }

  info(...args: unknown[]): void {
    this.#write('information', args)
  }

  warn(...args: unknown[]): void {
    this.#write('warning', args)
  }

  error(...args: unknown[]): void {
    this.#write('error', args)
  }

  /** The library's context, which stores the values that hooks and the function set for bindings. */
  #library(): OfficialContext {
    this.#values ??= new InvocationContext()
    return this.#values
  }

  #write(level: LogLevel, args: unknown[]): void {
    if (this.isDone && this.#core.state !== 'postInvocationHooks') {
      this.#core.log('warning', 'system', tooLate(this.#core))
    }
    this.#core.log(level, 'user', format(...args))
  }
}

Object.setPrototypeOf(LeanContext.prototype, InvocationContext.prototype)

function effectiveOptions(bindings: Readonly<Record<string, RpcBinding>>): EffectiveFunctionOptions {
  const named = Object.entries(bindings).map(([name, binding]) => ({ ...binding, name }))
  const others = named.filter((binding) => !isTrigger(binding) && binding.name !== '$return')
  return {
    trigger: named.find(isTrigger) as FunctionTrigger,
    return: named.find((binding) => !isTrigger(binding) && binding.name === '$return') as FunctionOutput,
    extraInputs: others.filter(({ direction }) => direction === 'in'),
    extraOutputs: others.filter(({ direction }) => direction === 'out'),
  }
}

/** This is the wording of the library's own message. */
function tooLate({ invocationId, metadata }: CoreInvocationContext): string {
  return `Warning: Unexpected call to 'log' on the context object after function execution has completed. Please check for asynchronous calls that are not awaited. Function name: ${metadata.name}. Invocation Id: ${invocationId}.`
}
