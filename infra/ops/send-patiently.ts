import { once } from 'node:events'
import { request as requestOverHttp, type IncomingMessage } from 'node:http'
import { request as requestOverHttps } from 'node:https'
import { text } from 'node:stream/consumers'

/** A connection on which nothing arrives is probed this often, so that a machine that is gone is noticed. */
const PROBE_MS = 30_000

export interface Answer {
  readonly status: number
  readonly text: string
}

/** Sends a request and waits for its response without a time limit. `fetch` always gives up after five minutes. */
export async function sendPatiently(
  url: URL,
  { method, headers, body }: { method: string; headers: Record<string, string>; body?: string },
): Promise<Answer> {
  const send = url.protocol === 'https:' ? requestOverHttps : requestOverHttp
  const request = send(url, { method, headers, agent: false })
  request.setSocketKeepAlive(true, PROBE_MS)
  // If the connection breaks after the response has begun, the response's stream reports the error, too.
  request.on('error', () => undefined)
  // Node would encode the headers as UTF-8 once more if the body were text.
  request.end(body === undefined ? undefined : Buffer.from(body))
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return { status: response.statusCode ?? 0, text: await text(response) }
}
