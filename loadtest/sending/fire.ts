import { headerText } from '../../infra/ops/header-text.ts'
import { fireAutocannon } from './autocannon.ts'
import { sendEvenly } from './evenly.ts'
import type { Volley } from './volley.ts'

/**
 * Resolves when the lane's time is up and all its requests have received a response or been abandoned. Rejects on an
 * invalid response.
 */
export async function fire(volley: Volley): Promise<void> {
  const { key } = volley.target
  // autocannon encodes headers as UTF-8 itself.
  if (volley.lane.arrivals === 'even') await sendEvenly(withKey(volley, key === undefined ? key : headerText(key)))
  else await fireAutocannon(withKey(volley, key))
}

function withKey(volley: Volley, key: string | undefined): Volley {
  if (key === undefined) return volley
  return {
    ...volley,
    next() {
      const request = volley.next()
      return { ...request, headers: { ...request.headers, 'x-functions-key': key } }
    },
  }
}
