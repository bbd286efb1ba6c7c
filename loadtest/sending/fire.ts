import { fireAutocannon } from './autocannon.ts'
import { sendEvenly } from './evenly.ts'
import type { Volley } from './volley.ts'

/**
 * Resolves when the lane's time is up and all its requests have received a response or been abandoned. Rejects on an
 * invalid response.
 */
export async function fire(volley: Volley): Promise<void> {
  await (volley.lane.arrivals === 'even' ? sendEvenly(volley) : fireAutocannon(volley))
}
