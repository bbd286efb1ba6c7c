import { isOrderError } from '../domain/errors.ts'
import { classify, type Failure } from './failure.ts'

export interface Culprit<T> {
  readonly item: T
  readonly failure: Failure
}

/**
 * Finds the items that make the work fail, by halving the batch until each culprit is isolated. The search does the
 * work for all the other items, for some of them more than once, so the work must be idempotent. Rejects if an outage
 * or a shutdown interrupts the search, because then no item is to blame.
 */
export async function findCulprits<T>(
  items: readonly T[],
  work: (items: readonly T[]) => Promise<void>,
): Promise<Culprit<T>[]> {
  if (items.length === 0) return []
  try {
    await work(items)
    return []
  } catch (error) {
    const failure = classify(error)
    if (failure.class === 'outage' || (isOrderError(error) && error.code === 'shutting-down')) throw error
    const [only, ...others] = items
    if (only !== undefined && others.length === 0) return [{ item: only, failure }]
  }
  const middle = items.length >> 1
  return [...(await findCulprits(items.slice(0, middle), work)), ...(await findCulprits(items.slice(middle), work))]
}

/** The first item that fails when the items are tried one after the other. Later items are not tried. */
export async function findFirstCulprit<T>(
  items: readonly T[],
  work: (items: readonly T[]) => Promise<void>,
): Promise<Culprit<T> | undefined> {
  for (const item of items) {
    const [culprit] = await findCulprits([item], work)
    if (culprit !== undefined) return culprit
  }
  return undefined
}
