import { createRequire } from 'node:module'

interface RequestQueue {
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests(this: RequestQueue): void
}

interface Connection {
  connect(this: Connection): Promise<unknown>
}

/**
 * Corrects two faults in the network code of kafkajs 2.2.4, once per process:
 *
 * - It checks for throttled requests a thousand times a second for each connection, with a negative delay that makes
 *   Node 24 print warnings (tulios/kafkajs#1751, #1704). Now it checks only while requests wait. The request queue's
 *   `push` starts the check again for each new request.
 * - Callers that need the same connection at the same time each open a socket. Only the last one is used and closed, and
 *   the others keep the process running. Now they share one attempt to connect.
 */
export function patchNetwork(): void {
  const require = createRequire(import.meta.url)
  const queue = (require('kafkajs/src/network/requestQueue') as { prototype: RequestQueue }).prototype
  if (Object.hasOwn(queue, PATCHED)) return
  Object.defineProperty(queue, PATCHED, { value: true })
  const schedule = Reflect.get(queue, 'scheduleCheckPendingRequests')
  queue.scheduleCheckPendingRequests = function scheduleWhileWaiting() {
    if (this.pending.length > 0) schedule.call(this)
  }
  const connection = (require('kafkajs/src/network/connection') as { prototype: Connection }).prototype
  const connect = Reflect.get(connection, 'connect')
  const attempts = new WeakMap<Connection, Promise<unknown>>()
  connection.connect = function connectOnce() {
    const attempt = attempts.get(this) ?? connect.call(this).finally(() => attempts.delete(this))
    attempts.set(this, attempt)
    return attempt
  }
}

const PATCHED = Symbol('order-event-processing:patched')
