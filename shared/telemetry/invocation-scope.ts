import { AsyncLocalStorage } from 'node:async_hooks'
import type { HttpRequest, InvocationContext } from '@azure/functions'
import { isTraceparent, traceIdOf } from '../messaging/traceparent.ts'

/** Whose work it is that a line is logged in: a line then says so by itself, whoever writes it. */
interface Invocation {
  readonly context: InvocationContext
  readonly request: HttpRequest | undefined
}

const scope = new AsyncLocalStorage<Invocation>()
const ORDER_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export function withinInvocation<T>(context: InvocationContext, request: HttpRequest | undefined, work: () => T): T {
  return scope.run({ context, request }, work)
}

/** Read when a line is written, which is seldom, so that a request that logs nothing pays next to nothing. */
export function invocationFields(): Record<string, string> {
  const invocation = scope.getStore()
  if (invocation === undefined) return {}
  const { context, request } = invocation
  const orderId = request?.params['orderId']
  const traceparents = [request?.headers.get('traceparent'), context.traceContext?.traceParent]
  const traceparent = traceparents.find((text) => typeof text === 'string' && isTraceparent(text)) ?? undefined
  const traceId = traceIdOf(traceparent)
  return {
    function: context.functionName,
    invocation: context.invocationId,
    ...(orderId !== undefined && ORDER_ID.test(orderId) && { orderId }),
    ...(traceId !== undefined && { traceId }),
  }
}

/** The log of the invocation that this is part of: that of the Functions runtime. */
export function invocationLog(): InvocationContext | undefined {
  return scope.getStore()?.context
}
