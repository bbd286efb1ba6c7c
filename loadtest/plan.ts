export interface Phase {
  readonly name: string
  readonly seconds: number
  readonly lanes: readonly Lane[]
  /** The part that is unavailable during the phase. */
  readonly broken?: Breakable
}

export interface Lane {
  readonly kind: RequestKind
  readonly connections: number
  /** Undefined in a closed loop. */
  readonly rate?: number
  readonly arrivals: Arrivals
}

/** How requests arrive, which decides what their latency measures. */
export const ARRIVALS = {
  even: {
    sent: 'sent evenly',
    measures:
      'How long callers wait who come one by one. Each request counts from when it was due, so a stall of the server shows whenever it happens.',
  },
  burst: {
    sent: 'sent in bursts',
    measures:
      'How long a burst takes. The requests of a second are sent at its start. A stall between two bursts does not show.',
  },
  'closed-loop': {
    sent: 'sent in a closed loop',
    measures:
      'How long a request waits behind those of the other connections. Each connection sends the next request when it has its answer. Compare throughput and CPU; latency follows from the number of connections.',
  },
} as const
export type Arrivals = keyof typeof ARRIVALS

export const REQUEST_KINDS = ['place-order', 'get-order', 'list-orders', 'search-orders'] as const
export type RequestKind = (typeof REQUEST_KINDS)[number]

export const BREAKABLES = ['store', 'log'] as const
export type Breakable = (typeof BREAKABLES)[number]

/** The factors that `growth` can vary while everything else stays as it is. */
export const FACTORS = ['items', 'batch', 'stored', 'processors'] as const
export type Factor = (typeof FACTORS)[number]

export interface PhaseSpan {
  readonly name: string
  readonly from: number
  readonly to: number
  readonly broken: Breakable | null
}

/** The default time that a caller waits for an answer. */
export const PATIENCE_MS = 10_000

/** How the requests of a run arrive. All its lanes have the same arrivals. */
export function arrivalsOf({ phases }: { readonly phases: readonly Phase[] }): Arrivals {
  return phases[0]?.lanes[0]?.arrivals ?? 'even'
}
