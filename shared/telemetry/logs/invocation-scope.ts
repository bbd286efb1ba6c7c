import { AsyncLocalStorage } from 'node:async_hooks'
import type { HttpRequest, InvocationContext } from '@azure/functions'
import { REQUEST_ID, requestIdOf } from '../../http/protocol/request-id.ts'
import { isTraceparent, traceIdOf } from '../../messaging/records/traceparent.ts'

/** The function and invocation that a log line belongs to; every line has them, whichever code writes it. */
interface Invocation {
  readonly context: InvocationContext
  readonly request: HttpRequest | undefined
  /** Work begun in it may go on, such as a connection. Later lines belong to no invocation, because its log is closed. */
  isOver: boolean
}

const scope = new AsyncLocalStorage<Invocation>()
const ORDER_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export async function withinInvocation<T>(
  context: InvocationContext,
  request: HttpRequest | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const invocation: Invocation = { context, request, isOver: false }
  try {
    return await scope.run(invocation, work)
  } finally {
    invocation.isOver = true
  }
}

function current(): Invocation | undefined {
  const invocation = scope.getStore()
  return invocation?.isOver === true ? undefined : invocation
}

/** Called when a line is written, which is rare, so a request that logs nothing costs almost nothing. */
export function invocationFields(): Record<string, string> {
  const invocation = current()
  if (invocation === undefined) return {}
  const { context, request } = invocation
  const orderId = request?.params['orderId']
  const traceparents = [request?.headers.get('traceparent'), context.traceContext?.traceParent]
  const traceparent = traceparents.find((text) => typeof text === 'string' && isTraceparent(text)) ?? undefined
  const traceId = traceIdOf(traceparent)
  const requestId = requestIdOf(request?.headers.get(REQUEST_ID), context.invocationId)
  return {
    function: context.functionName,
    invocation: context.invocationId,
    ...(requestId !== context.invocationId && { requestId }),
    ...(orderId !== undefined && ORDER_ID.test(orderId) && { orderId }),
    ...(traceId !== undefined && { traceId }),
  }
}

/** The Functions runtime's log of the current invocation. */
export function invocationLog(): InvocationContext | undefined {
  return current()?.context
}
