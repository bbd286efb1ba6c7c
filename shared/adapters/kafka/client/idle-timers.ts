import { createRequire } from 'node:module'

interface RequestQueue {
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests(this: RequestQueue): void
}

/**
 * kafkajs 2.2.4 never stops looking for throttled requests, and does so with a negative delay, about which Node 24 warns: a
 * thousand times a second for each connection (tulios/kafkajs#1751, #1704). This makes it look only while requests wait;
 * `push` starts it again for each new request.
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
