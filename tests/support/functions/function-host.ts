import { createHost, loadApp as loadHostApp, type EmbeddedHostOptions } from '../../../infra/host/embedded-host.ts'
import type { RegisteredFunction } from '../../../infra/host/functions/function-app.ts'
import { parseHostJson } from '../../../infra/host/host-json.ts'
import type { HostLogger } from '../../../infra/host/host-logger.ts'
import type { RoutedRequest } from '../../../infra/host/http/http-types.ts'
import type { LogRecord, Subscription } from '../../../shared/ports/event-log.ts'

export interface LoggedLine {
  readonly level: string
  readonly fields: Record<string, unknown>
  readonly message: string
}

/** A logger that keeps its lines. */
export function createRecordingLogger(): HostLogger & { readonly lines: LoggedLine[] } {
  const lines: LoggedLine[] = []
  const at = (level: string) => (fields: object, message: string) => {
    lines.push({ level, fields: fields as Record<string, unknown>, message })
  }
  return {
    lines,
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
  }
}

/** A function app with the functions that `register` registers with `@azure/functions`. */
export async function loadApp(register: () => void) {
  const logger = createRecordingLogger()
  const app = await loadHostApp(logger, async () => register())
  return {
    app,
    logger,
    lines: logger.lines,
    get: (name: string): RegisteredFunction => {
      const found = app.functions.get(name.toLowerCase())
      if (found === undefined) throw new Error(`${name} is not registered.`)
      return found
    },
  }
}

export function routed(changes: Partial<RoutedRequest> = {}): RoutedRequest {
  return {
    method: 'POST',
    url: 'http://localhost:7071/api/orders',
    rawQuery: '',
    headers: { host: 'localhost:7071' },
    params: {},
    body: undefined,
    ...changes,
  }
}

/** A consumer that gets records only when the test calls `deliver`. */
export function createManualConsumer() {
  const inFlight = new Set<Promise<void>>()
  const subscriptions: { subscription: Subscription; closing: AbortController }[] = []
  return {
    subscriptions,
    async subscribe(subscription: Subscription): Promise<AsyncDisposable> {
      const entry = { subscription, closing: new AbortController() }
      subscriptions.push(entry)
      return {
        async [Symbol.asyncDispose]() {
          entry.closing.abort()
          await Promise.allSettled(inFlight)
        },
      }
    },
    /** Delivers a batch as the port promises: resolves when the batch may be committed. */
    deliver(records: readonly LogRecord[]): Promise<void> {
      const [first] = subscriptions
      if (first === undefined) throw new Error('Nothing has subscribed.')
      const delivery = first.subscription.onBatch(records, first.closing.signal)
      inFlight.add(delivery)
      return delivery.finally(() => inFlight.delete(delivery))
    },
  }
}

/** A host with the functions that `register` registers, on a free port. */
export async function startHost(register: () => void, changes: Partial<EmbeddedHostOptions> = {}) {
  const { app, logger } = await loadApp(register)
  const consumer = createManualConsumer()
  const host = await createHost({
    app,
    hostJson: parseHostJson({ extensions: { http: { routePrefix: '' } } }),
    consumer,
    functionsKey: TEST_KEY,
    corsOrigins: [],
    logger,
    invocation: 'lean',
    settings: {},
    ...changes,
  })
  const { port } = await host.listen(0, '127.0.0.1')
  return {
    host,
    port,
    consumer,
    lines: logger.lines,
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => host.close(),
  }
}

export const TEST_KEY = 'a key for tests only'
