import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection, Parameters, Row } from './connection.ts'
import { failureOf, isRequestTimeout } from './errors.ts'

/** Runs one statement in one round trip and returns the rows of each of its SELECTs. */
export type Query = (
  statement: string,
  parameters?: Parameters,
  timeoutMs?: number,
) => Promise<readonly (readonly Row[])[]>

/**
 * If two transactions need the same rows, one of them may fail, because of a deadlock or because the other has just
 * written the same unique key. The failed statement has changed nothing, and finds the rows of the other transaction
 * when it is retried.
 */
const MAX_ATTEMPTS = 7
/**
 * The upper limit of the first wait. The limit doubles with each attempt, and each wait is a random fraction of it
 * (full jitter). The waits take at most 1.3 s in all, which is enough for the other transaction to end.
 */
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

/**
 * A single order may cause a timeout. But if the server does not answer a trivial query either, the server is
 * unavailable.
 */
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
