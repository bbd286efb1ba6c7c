import { AsyncLocalStorage } from 'node:async_hooks'
import type { HttpRequest, InvocationContext } from '@azure/functions'
import { REQUEST_ID, requestIdOf } from '../../http/protocol/request-id.ts'
import { isTraceparent, traceIdOf } from '../../messaging/records/traceparent.ts'

/** The invocation that a log line belongs to, for lines from any code that the invocation calls. */
interface Invocation {
  readonly context: InvocationContext
  readonly request: HttpRequest | undefined
  /**
   * True once the invocation has ended and its log is closed. Anything that outlives the invocation, such as a
   * connection, must then write its log lines elsewhere.
   */
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

/** The fields for a log line, computed only when a line is written, so that requests that log nothing cost little. */
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
