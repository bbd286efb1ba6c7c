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

/** How requests arrive, which determines what their latency measures. */
export const ARRIVALS = {
  even: {
    sent: 'sent evenly',
    measures:
      'How long callers wait when they arrive one by one. Each latency is measured from when the request was due, so every stall of the server shows.',
  },
  burst: {
    sent: 'sent in bursts',
    measures:
      'How long a burst takes. All requests for a given second are sent at the beginning of that second. A stall between two bursts does not show.',
  },
  'closed-loop': {
    sent: 'sent in a closed loop',
    measures:
      'How long a request waits behind the requests of the other connections. Each connection sends its next request when its previous one has been answered. Compare throughput and CPU, because the latency depends on the number of connections.',
  },
} as const
export type Arrivals = keyof typeof ARRIVALS

export const REQUEST_KINDS = [
  'place-order',
  'amend-order',
  'cancel-order',
  'get-order',
  'list-orders',
  'search-orders',
] as const
export type RequestKind = (typeof REQUEST_KINDS)[number]

/** Whether requests of this kind change orders that were placed earlier in the same run. */
export function isChange(kind: RequestKind): boolean {
  return kind === 'amend-order' || kind === 'cancel-order'
}

export function isCommand(kind: RequestKind): boolean {
  return kind === 'place-order' || isChange(kind)
}

export const BREAKABLES = ['store', 'log'] as const
export type Breakable = (typeof BREAKABLES)[number]

/** The factors that `growth` can vary while everything else stays the same. */
export const FACTORS = ['items', 'batch', 'stored', 'processors'] as const
export type Factor = (typeof FACTORS)[number]

export interface PhaseSpan {
  readonly name: string
  readonly from: number
  readonly to: number
  readonly broken: Breakable | null
}

/** How long a caller waits for a response by default. */
export const PATIENCE_MS = 10_000

/** How the requests of a run arrive. All lanes of a run have the same `arrivals`. */
export function arrivalsOf({ phases }: { readonly phases: readonly Phase[] }): Arrivals {
  return phases[0]?.lanes[0]?.arrivals ?? 'even'
}
