/** Ids of accepted orders, at most `limit`, spread evenly over the whole run however long it gets. */
export interface OrderSample {
  add(orderId: string): void
  readonly orderIds: readonly string[]
}

/** Keeps every order, then every second, every fourth, and so on: whenever it is full, every other one is forgotten. */
export function createOrderSample(limit: number): OrderSample {
  let kept: string[] = []
  let stride = 1
  let seen = 0
  return {
    add(orderId) {
      if (seen % stride === 0) kept.push(orderId)
      seen += 1
      if (kept.length <= limit) return
      kept = kept.filter((_, index) => index % 2 === 0)
      stride *= 2
    },
    get orderIds() {
      return kept
    },
  }
}
