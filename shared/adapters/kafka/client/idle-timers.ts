import { createRequire } from 'node:module'

interface RequestQueue {
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests(this: RequestQueue): void
}

/**
 * Makes kafkajs check for throttled requests only while requests wait. kafkajs 2.2.4 checks a thousand times a second
 * for each connection, with a negative delay that makes Node 24 print warnings (tulios/kafkajs#1751, #1704). The
 * request queue's `push` starts the check again for each new request.
 */
export function stopIdleTimers(): void {
  const queue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as { prototype: RequestQueue }
  const { prototype } = queue
  if (Object.hasOwn(prototype, PATCHED)) return
  const schedule = Reflect.get(prototype, 'scheduleCheckPendingRequests')
  Object.defineProperty(prototype, PATCHED, { value: true })
  prototype.scheduleCheckPendingRequests = function scheduleWhileWaiting() {
    if (this.pending.length > 0) schedule.call(this)
  }
}

const PATCHED = Symbol('order-event-processing:idle-timers')
