import type { Lane } from '../plan.ts'
import type { Connections, RequestToSend } from './connections.ts'
import type { Target } from '../target.ts'
import type { Tally } from './tally.ts'

export interface Volley {
  /** The key is sent with every request, because order routes may require it (ORDERS_AUTH). */
  readonly target: Pick<Target, 'url' | 'key'>
  readonly lane: Lane
  readonly seconds: number
  readonly next: () => RequestToSend
  readonly onAnswer: (status: number, body: string) => void
  readonly tally: Tally
  /** Used if requests are sent evenly. */
  readonly connections: Connections
  /** How long a caller waits for a response (PATIENCE_MS). */
  readonly patienceMs?: number
  /** Milliseconds since the run began. */
  readonly now: () => number
  readonly signal: AbortSignal
}
