import type { Lane } from '../scenarios.ts'
import type { Connections } from './connections.ts'
import type { Tally } from './tally.ts'

/** A request as it is sent, made at the moment of sending. */
export interface RequestToSend {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

export interface Volley {
  readonly url: string
  readonly lane: Lane
  readonly seconds: number
  readonly next: () => RequestToSend
  /** Told of every answer. */
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

/** How long a caller waits unless the volley says otherwise. */
export const PATIENCE_MS = 10_000
