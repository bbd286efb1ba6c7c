import type { ParkedState } from '../../ports/ledger.ts'

export const NONE_PARKED: Readonly<Record<ParkedState, number>> = {
  retrying: 0,
  stored: 0,
  duplicate: 0,
  dead: 0,
  discarded: 0,
  redriven: 0,
}
