import type { HttpAnswer, RoutedRequest } from './http-types.ts'
import { parseQuery } from './query-string.ts'
import type { RpcHttpData, RpcNullable, RpcTypedData } from '../functions/rpc.ts'
import { toSetCookie } from './set-cookie.ts'

/** A request as the runtime sends it to the Node worker, with nullable values, and with the body as bytes. */
export function toRpcHttp(request: RoutedRequest): RpcHttpData {
  return {
    method: request.method,
    url: request.url,
    nullableHeaders: nullable(request.headers),
    nullableQuery: nullable(parseQuery(request.rawQuery)),
    nullableParams: nullable(request.params),
    ...(request.body !== undefined && { body: { bytes: request.body } }),
  }
}

/** Converts the worker's response. As in the runtime, a function that returns nothing results in 204. */
export function fromRpcHttp(data: RpcTypedData | null | undefined): HttpAnswer {
  const http = data?.http
  if (http === undefined) return { status: 204, headers: {}, body: undefined }
  const cookies = (http.cookies ?? []).map(toSetCookie)
  const setCookie = http.headers?.['set-cookie']
  return {
    status: Number(http.statusCode ?? 200),
    headers: {
      ...http.headers,
      ...(cookies.length > 0 && { 'set-cookie': setCookie === undefined ? cookies : [setCookie, ...cookies] }),
    },
    body: http.body?.bytes ?? http.body?.string,
  }
}

function nullable(values: Readonly<Record<string, string>>): Record<string, RpcNullable<string>> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]))
}
