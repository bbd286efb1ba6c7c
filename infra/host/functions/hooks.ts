import type { FunctionApp, HookName, LogOrigin } from './function-app.ts'
import type { FunctionCallback } from './rpc.ts'

/** Runs the hooks one after the other, in registration order, with one context object. */
async function runHooks(app: FunctionApp, name: HookName, context: object): Promise<void> {
  for (const hook of app.hooks[name]) await hook(context)
}

export async function runAppHooks(app: FunctionApp, name: 'appStart' | 'appTerminate'): Promise<void> {
  await runHooks(app, name, { hookData: app.appHookData, appHookData: app.appHookData })
}

/** Hooks may replace the inputs and the function. */
export async function beforeInvocation(
  app: FunctionApp,
  origin: LogOrigin,
  call: { inputs: unknown[]; callback: FunctionCallback },
): Promise<void> {
  const context = { ...shared(app, origin), inputs: call.inputs, functionCallback: call.callback }
  await runHooks(app, 'preInvocation', context)
  call.inputs = context.inputs
  call.callback = context.functionCallback
}

/** Hooks may change the result and the error, and may turn an error into a success. */
export async function afterInvocation(
  app: FunctionApp,
  origin: LogOrigin,
  call: { readonly inputs: unknown[] },
  outcome: { result: unknown; error: unknown },
): Promise<void> {
  const context = { ...shared(app, origin), inputs: call.inputs, ...outcome }
  await runHooks(app, 'postInvocation', context)
  outcome.result = context.result
  outcome.error = context.error
}

function shared(app: FunctionApp, { hookData, invocationContext }: LogOrigin) {
  return { hookData, appHookData: app.appHookData, invocationContext }
}
