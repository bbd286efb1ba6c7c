import { AsyncLocalStorage } from 'node:async_hooks'
import type { HttpRequest, InvocationContext } from '@azure/functions'
import { REQUEST_ID, requestIdOf } from '../../http/protocol/request-id.ts'
import { isTraceparent, traceIdOf } from '../../messaging/records/traceparent.ts'

/** Whose work it is that a line is logged in: a line then says so by itself, whoever writes it. */
interface Invocation {
  readonly context: InvocationContext
  readonly request: HttpRequest | undefined
  /** What was begun in it may go on, such as a connection; its lines are nobody's then, and its log is closed. */
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

/** Read when a line is written, which is seldom, so that a request that logs nothing pays next to nothing. */
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

/** The log of the invocation that this is part of: that of the Functions runtime. */
export function invocationLog(): InvocationContext | undefined {
  return current()?.context
}
