import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'

export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly traceState?: string
  readonly name: string
  readonly kind: number
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[]
  readonly events?: readonly { readonly name: string }[]
  readonly status: { readonly code?: number }
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[]
}

interface Answer {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: object
}

const TAKEN: Answer = { status: 200 }

interface OtlpRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: ReceivedSpan['attributes'] }
    readonly scopeSpans: readonly { readonly spans: readonly ReceivedSpan[] }[]
  }[]
}

/**
 * A small collector: keeps the path and body of every request, and the spans that come as OTLP/HTTP in JSON. After
 * `refuse(true)`, it refuses requests until `refuse(false)`; `answerWith` sets any other response. With a certificate,
 * it uses TLS.
 */
export async function startTraceReceiver(tls?: { readonly key: Buffer; readonly cert: Buffer }) {
  const spans: ReceivedSpan[] = []
  const posted: { readonly path: string; readonly body: string }[] = []
  let answer: Answer = TAKEN
  const onRequest = (request: IncomingMessage, response: ServerResponse) => void take(request, response)
  const server = tls === undefined ? createServer(onRequest) : createSecureServer(tls, onRequest)

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const bytes = await buffer(request)
    const body = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString()
    const path = request.url ?? ''
    posted.push({ path, body })
    if (path.startsWith('/v1/traces')) {
      const { resourceSpans } = JSON.parse(body) as OtlpRequest
      spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)))
    }
    const { status, headers = {}, body: said = {} } = answer
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(said))
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    posted,
    refuse: (yes: boolean) => (answer = yes ? { status: 400 } : TAKEN),
    answerWith: (next: Answer) => (answer = next),
    ofTrace: (traceId: string) => spans.filter((span) => span.traceId === traceId),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
