/**
 * The JSON of orders that this process has published but not yet read back. If the process then reads exactly the same
 * JSON from the log, the order need not be validated again.
 */
export interface PublishedHere {
  add(orderId: string, json: string): void
  /**
   * Whether this process published exactly this JSON, under this id or under one that shares its slot. Forgets what the
   * slot holds.
   */
  take(orderId: string, json: string): boolean
}

/**
 * An order usually waits here for milliseconds. The limit matters if other processes read the records, because this
 * process then never reads its orders back.
 */
const MAX_CHARACTERS = 1024 * 1024
/** So many that two waiting orders rarely share a slot. If they do, the later one replaces the earlier one. */
const SLOTS = 16_384

/**
 * Fixed slots rather than a Map, because a Map that constantly loses and gains entries keeps the lost ones alive until
 * V8 collects the old generation (docs/performance.md).
 */
export function createPublishedHere(maxCharacters = MAX_CHARACTERS): PublishedHere {
  const published = Array.from({ length: SLOTS }, () => '')
  let characters = 0

  function replace(orderId: string, json: string): string {
    const slot = slotOf(orderId)
    const before = published[slot] ?? ''
    published[slot] = json
    characters += json.length - before.length
    return before
  }

  return {
    add(orderId, json) {
      replace(orderId, '')
      if (characters + json.length <= maxCharacters) replace(orderId, json)
    },
    take: (orderId, json) => replace(orderId, '') === json,
  }
}

/** An order id ends with its tag, so its last digits are as good as random. */
function slotOf(orderId: string): number {
  return Number.parseInt(orderId.slice(-4), 16) % SLOTS || 0
}
