/**
 * The JSON of orders that this process has published but not yet read back. If the process then reads exactly the same
 * JSON from the log, the order need not be validated again.
 */
export interface PublishedHere {
  add(orderId: string, json: string): void
  /**
   * Whether this process published exactly this JSON, under this id or under one that shares its slot. If so, the order
   * is forgotten.
   */
  take(orderId: string, json: string): boolean
}

/**
 * An order usually waits here for milliseconds. The limit matters if other processes read the records, because this
 * process then never reads its orders back.
 */
const MAX_CHARACTERS = 1024 * 1024
/**
 * Large enough that two waiting orders rarely share a slot. If they do, the later one replaces the earlier one, which is
 * then validated again.
 */
const SLOTS = 16_384

/**
 * An array of slots, because a Map that constantly loses and gains entries keeps the lost ones in memory until V8
 * collects the old generation (docs/performance.md).
 */
export function createPublishedHere(maxCharacters = MAX_CHARACTERS): PublishedHere {
  const published = Array.from({ length: SLOTS }, (): string | undefined => undefined)
  let characters = 0
  let nextToFree = 0

  function set(slot: number, json: string | undefined): void {
    characters += (json?.length ?? 0) - (published[slot]?.length ?? 0)
    published[slot] = json
  }

  return {
    add(orderId, json) {
      const slot = slotOf(orderId)
      set(slot, json)
      // Frees slots in turn, possibly this one. Which orders have waited longest is not known.
      for (; characters > maxCharacters; nextToFree = (nextToFree + 1) % SLOTS) set(nextToFree, undefined)
    },
    take(orderId, json) {
      const slot = slotOf(orderId)
      if (published[slot] !== json) return false
      set(slot, undefined)
      return true
    },
  }
}

/** An order id ends with a truncated HMAC, so its last digits are evenly distributed. */
function slotOf(orderId: string): number {
  return Number.parseInt(orderId.slice(-4), 16) % SLOTS
}
