import type { Lane } from '../plan.ts'
import type { Connections, RequestToSend } from './connections.ts'
import type { Tally } from './tally.ts'

export interface Volley {
  readonly url: string
  readonly lane: Lane
  readonly seconds: number
  readonly next: () => RequestToSend
  /** Called for every answer. */
  readonly onAnswer: (status: number, body: string) => void
  readonly tally: Tally
  /** Where requests that arrive evenly take their connections from. */
  readonly connections: Connections
  /** How long a caller waits for an answer. */
  readonly patienceMs?: number
  /** Milliseconds since the run began. */
  readonly now: () => number
  readonly signal: AbortSignal
}
