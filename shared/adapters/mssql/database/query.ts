import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection, Parameters, Row } from './connection.ts'
import { failureOf, isRequestTimeout } from './errors.ts'

/** One statement in one round trip: the rows of each of its SELECTs. Rejects with what its maker says. */
export type Query = (
  statement: string,
  parameters?: Parameters,
  timeoutMs?: number,
) => Promise<readonly (readonly Row[])[]>

/**
 * Of two transactions that want the same rows one may be told so by an error: a unique key that another has just
 * written, a deadlock. The statement changed nothing then, and finds the other's rows when it comes again.
 */
const MAX_ATTEMPTS = 7
/** Doubled each time, with full jitter: at most 1.3 s in all, long enough for the other's batch to end. */
const BACKOFF_MS = 20
const DEADLOCK = 1205
export const ASK_ALIVE = 'SELECT 1 AS alive;'
const PROBE_TIMEOUT_MS = 2000

/** Rejects with the driver's errors. */
export function createQuery(connection: Connection): Query {
  return async function query(statement, parameters, timeoutMs) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await connection.query(statement, parameters, timeoutMs)
      } catch (error) {
        if (attempt < MAX_ATTEMPTS && isLostRace(error)) await sleep(Math.random() * BACKOFF_MS * 2 ** (attempt - 1))
        else throw isRequestTimeout(error) ? await explainTimeout(connection, error) : error
      }
    }
  }
}

function isLostRace(error: unknown): boolean {
  return failureOf(error) === 'unique' || (error instanceof Error && 'number' in error && error.number === DEADLOCK)
}

/** A request that took too long may be the order's fault; a server that answers nothing else either is away. */
async function explainTimeout(connection: Connection, timeout: unknown): Promise<unknown> {
  try {
    await connection.query(ASK_ALIVE, {}, PROBE_TIMEOUT_MS)
    return timeout
  } catch (error) {
    return Object.assign(new Error('The server does not answer.', { cause: timeout }), {
      code: 'ENOCONN',
      probe: error,
    })
  }
}
