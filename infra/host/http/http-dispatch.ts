import { OrderError } from '../../../shared/domain/errors.ts'
import type { Cors } from './cors.ts'
import type { RegisteredFunction } from '../functions/function-app.ts'
import type { CheckKey } from './function-keys.ts'
import type { InvokeHttp } from './http-invocation.ts'
import type { ServedRequest } from './http-server.ts'
import type { HttpAnswer } from './http-types.ts'
import type { createRouteTable } from './routes/route-table.ts'

export interface HttpFunction {
  readonly target: RegisteredFunction
  /** `function` and `admin` require a key. */
  readonly authLevel: string
}

interface Dispatch {
  readonly routes: ReturnType<typeof createRouteTable<HttpFunction>>
  readonly cors: Cors
  readonly checkKey: CheckKey
  readonly invoke: InvokeHttp
}

/** Passes a request to its function. Throws an OrderError for requests that the host itself refuses. */
export function createDispatch({ routes, cors, checkKey, invoke }: Dispatch) {
  return async function answer(request: ServedRequest): Promise<HttpAnswer> {
    const preflight = cors.preflight(request.method, request.headers)
    if (preflight !== undefined) return preflight
    const match = routes.match(request.method, request.path)
    if (match === undefined) throw new OrderError('not-found', 'Nothing is at this path.')
    const { target, authLevel } = match.target
    if (authLevel !== 'anonymous') {
      const verdict = checkKey(request.headers, request.rawQuery, { name: target.metadata.name, authLevel })
      if (verdict === 'unknown') throw new OrderError('unauthorized', 'The function key is missing or wrong.')
      if (verdict === 'refused')
        throw new OrderError('forbidden', 'This key is known, but does not allow this request.')
    }
    const { method, url, rawQuery, headers } = request
    const body = await request.body()
    try {
      return await invoke(target, { method, url, rawQuery, headers, params: match.params, body })
    } catch (error) {
      // The runtime also responds with 500 to any error, including our own errors.
      throw new OrderError('internal', `The function ${target.metadata.name} failed.`, { cause: error })
    }
  }
}
