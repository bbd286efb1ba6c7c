/**
 * The JSON of orders that this process has published but not yet read back. If the process then reads exactly the same
 * JSON from the log, the order need not be validated again.
 */
export interface PublishedHere {
  add(orderId: string, json: string): void
  /** Whether this process published exactly this JSON under the id. Forgets the order. */
  take(orderId: string, json: string): boolean
}

/**
 * An order usually waits here for milliseconds. The limit matters if other processes read the records, because this
 * process then never reads its orders back.
 */
const MAX_CHARACTERS = 1024 * 1024

export function createPublishedHere(maxCharacters = MAX_CHARACTERS): PublishedHere {
  const published = new Map<string, string>()
  let characters = 0

  function remove(orderId: string, json: string): void {
    published.delete(orderId)
    characters -= json.length
  }

  return {
    add(orderId, json) {
      const before = published.get(orderId)
      if (before !== undefined) remove(orderId, before)
      published.set(orderId, json)
      characters += json.length
      for (const [oldest, its] of published) {
        if (characters <= maxCharacters) break
        remove(oldest, its)
      }
    },
    take(orderId, json) {
      const found = published.get(orderId)
      if (found !== undefined) remove(orderId, found)
      return found === json
    },
  }
}
