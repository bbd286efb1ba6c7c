import { randomUUID } from 'node:crypto'
import type { FunctionApp, LogOrigin, RegisteredFunction } from './function-app.ts'
import { programmingModel } from './functions-core.ts'
import { afterInvocation, beforeInvocation } from './hooks.ts'
import type {
  CoreInvocationContext,
  FunctionContext,
  InvocationModel,
  InvocationState,
  RpcInvocationRequest,
} from './rpc.ts'

/** The input to an invocation, and the model that passes the input to the function and converts the result. */
export interface InvocationInput {
  readonly request: Omit<RpcInvocationRequest, 'invocationId'>
  readonly open: (invocation: CoreInvocationContext) => InvocationModel | Promise<InvocationModel>
}

export const openOfficially: InvocationInput['open'] = (invocation) => programmingModel().getInvocationModel(invocation)

/**
 * Runs one invocation, following the same steps as the Functions worker: arguments, preInvocation hooks, function,
 * postInvocation hooks. Resolves with the unconverted result and everything that its conversion needs. Rethrows the
 * function's error. As in the worker, `throw undefined` and `throw null` count as success, and hooks may change the
 * arguments, the function, the result and the error.
 */
export async function invoke(app: FunctionApp, target: RegisteredFunction, input: InvocationInput) {
  const invocation = new Invocation(app, target, { invocationId: randomUUID(), ...input.request })
  const opened = input.open(invocation)
  const model = opened instanceof Promise ? await opened : opened
  const given = model.getArguments()
  const { context, inputs } = given instanceof Promise ? await given : given
  invocation.invocationContext = context

  const call = { inputs, callback: target.callback }
  if (app.hooks.preInvocation.length > 0) {
    invocation.state = 'preInvocationHooks'
    await beforeInvocation(app, invocation, call)
  }

  invocation.state = 'invocation'
  const outcome: { result: unknown; error: unknown } = { result: null, error: null }
  try {
    outcome.result = await model.invokeFunction(context, call.inputs, call.callback)
  } catch (error) {
    outcome.error = error
  }
  if (app.hooks.postInvocation.length > 0) {
    invocation.state = 'postInvocationHooks'
    await afterInvocation(app, invocation, call, outcome)
  }
  invocation.state = undefined

  // oxlint-disable-next-line typescript/only-throw-error -- the function's error is rethrown unchanged
  if (outcome.error !== null && outcome.error !== undefined) throw outcome.error
  return { result: outcome.result, model, context }
}

/**
 * The library's view of one invocation. It is a class because every request creates one of these objects, and instances
 * of a class are created faster.
 */
class Invocation implements CoreInvocationContext, LogOrigin {
  readonly invocationId: string
  readonly request: RpcInvocationRequest
  readonly metadata: RegisteredFunction['metadata']
  readonly hookData: Record<string, unknown> = {}
  state: InvocationState | undefined
  invocationContext: FunctionContext | undefined
  readonly #app: FunctionApp

  constructor(app: FunctionApp, target: RegisteredFunction, request: RpcInvocationRequest) {
    this.#app = app
    this.invocationId = request.invocationId
    this.request = request
    this.metadata = target.metadata
  }

  get functionName(): string {
    return this.metadata.name
  }

  log(level: Parameters<CoreInvocationContext['log']>[0], category: 'user' | 'system', message: string): void {
    this.#app.log(level, category, message, this)
  }
}
