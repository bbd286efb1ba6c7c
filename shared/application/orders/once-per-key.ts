import { OrderError } from '../../domain/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import { answeredInTime } from './answered-in-time.ts'
import { createLatest } from './latest.ts'

/** The parts of a request, apart from its body, that matter when it is accepted. */
export interface AcceptOptions {
  readonly idempotencyKey?: string
  /** The request's traceparent, if it is valid. */
  readonly traceparent?: string
  /** The request's tracestate, if it is valid; never present without a traceparent. */
  readonly tracestate?: string
}

/** The order or change that an Idempotency-Key stands for. */
export interface Accepted {
  readonly id: string
  /** RFC 3339. */
  readonly acceptedAt: string
}

export interface KnownByKey extends Accepted {
  readonly bodyHash: string
}

/**
 * The result of the lookup on which the decision about a request is based. A use case may extend it with whatever else
 * it looks up.
 */
export interface LookedUp {
  /** The order or change for which the key was used before. */
  readonly known: KnownByKey | undefined
}

/** The process remembers at least this many Idempotency-Keys, which is enough for a few minutes of retries. */
const REMEMBERED_KEYS = 50_000

/**
 * Accepts one request for each Idempotency-Key, which is identified by its hash. Looks for the key in this process's
 * memory and then in the store. A request with a known key and the same body is a repeat: it gets the same response
 * with `replayed`, and nothing is published. A request with a known key and a *different* body is rejected with
 * `idempotency-key-reused`. The known id tells which body came with the key (`isDerived`). Hashes are compared only if
 * the id does not tell, because an operator may have edited the stored body. Requests are accepted even while the store
 * is unavailable, because the store recognises repeats and reused keys later.
 *
 * A key counts as used from the moment a request arrives with it. Concurrent requests with the same key share the
 * outcome of the first one, and from then on the key is tied to the first request's body. If the first request is
 * rejected, so are the others, because the log may have kept the first request's record without acknowledging it.
 */
export type OncePerKey = <Found extends LookedUp>(
  keyHash: string,
  bodyHash: string,
  request: {
    /** Whether the id was derived from this request; undefined if it was not derived by this product. */
    readonly isDerived: (id: string) => boolean | undefined
    readonly lookUp: () => Promise<Found>
    /** `found` is undefined if the store is unavailable or does not answer in time. */
    readonly accept: (found: Found | undefined) => Promise<Accepted>
  },
) => Promise<Accepted & { readonly replayed?: true }>

export function createOncePerKey(dependencies: {
  /** The message for a caller who used the key with a different body. */
  reused: string
  clock: Pick<Clock, 'sleep'>
}): OncePerKey {
  const { reused, clock } = dependencies
  const remembered = createLatest<KnownByKey>(REMEMBERED_KEYS)
  /** The outcome of the first request with a key, by the key's hash. At most one entry for each request in flight. */
  const deciding = new Map<string, Promise<KnownByKey>>()

  return async function oncePerKey(keyHash, bodyHash, { isDerived, lookUp, accept }) {
    let isAccepted = false

    async function decideFirst(): Promise<KnownByKey> {
      try {
        const found = await answeredInTime(lookUp, clock)
        if (found?.known !== undefined) return found.known
        const accepted = { ...(await accept(found)), bodyHash }
        isAccepted = true
        remembered.set(keyHash, accepted)
        return accepted
      } finally {
        deciding.delete(keyHash)
      }
    }

    function begin(): Promise<KnownByKey> {
      const first = decideFirst()
      deciding.set(keyHash, first)
      return first
    }

    const known = await (remembered.get(keyHash) ?? deciding.get(keyHash) ?? begin())
    const isSame = isAccepted || (isDerived(known.id) ?? known.bodyHash === bodyHash)
    if (!isSame) throw new OrderError('idempotency-key-reused', reused)
    const { id, acceptedAt } = known
    return { id, acceptedAt, ...(!isAccepted && { replayed: true as const }) }
  }
}
