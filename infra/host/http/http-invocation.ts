import { triggerOf, type FunctionApp, type RegisteredFunction } from '../functions/function-app.ts'
import type { HttpAnswer, RoutedRequest } from './http-types.ts'
import { invoke, openOfficially, type InvocationInput } from '../functions/invocation.ts'
import { leanAnswer } from './lean-answer.ts'
import { LeanModel } from '../functions/lean-model.ts'
import { createLeanRequest } from './lean-request.ts'
import { fromRpcHttp, toRpcHttp } from './rpc-http.ts'

/**
 * Two ways to run a function, which the function cannot tell apart. `official` uses the library's conversions for
 * everything, as the runtime does. `lean` avoids the conversions wherever the outcome is the same, and is several times
 * cheaper. One test suite covers both ways.
 */
export type InvocationPath = 'official' | 'lean'

/** Rejects with the function's error, or with the library's if the result cannot be converted to an HTTP response. */
export type InvokeHttp = (target: RegisteredFunction, request: RoutedRequest) => Promise<HttpAnswer>

export function createHttpInvocation(app: FunctionApp, path: InvocationPath): InvokeHttp {
  return async (target, request) => {
    const { result, model, context } = await invoke(app, target, toInput[path](app, target, request))
    const lean = path === 'lean' ? leanAnswer(result) : undefined
    return lean ?? fromRpcHttp((await model.getResponse(context, result)).returnValue)
  }
}

const NOTHING: InvocationInput['request'] = { inputData: [] }

const toInput: Record<InvocationPath, (app: FunctionApp, f: RegisteredFunction, r: RoutedRequest) => InvocationInput> =
  {
    official: (_app, target, request) => ({
      request: { inputData: [{ name: triggerOf(target).name, data: { http: toRpcHttp(request) } }] },
      open: openOfficially,
    }),
    lean: (app, _target, request) => {
      if (request.body !== undefined && (request.method === 'GET' || request.method === 'HEAD')) {
        app.log('warning', 'system', discarded(request.method))
      }
      return { request: NOTHING, open: (invocation) => new LeanModel(invocation, createLeanRequest(request)) }
    },
  }

/** This is the wording of the library's own message. */
function discarded(method: string): string {
  return `Discarding the body of the incoming ${method} request because GET and HEAD requests cannot have a body.`
}
