export type OrderSample = ReturnType<typeof createOrderSample>

/**
 * At most `limit` ids of accepted orders, spread evenly over the run. At first it keeps every order, then every second,
 * every fourth and so on: whenever it is full, it drops every other id.
 */
export function createOrderSample(limit: number) {
  let kept: string[] = []
  let stride = 1
  let seen = 0
  return {
    add(orderId: string) {
      if (seen % stride === 0) kept.push(orderId)
      seen += 1
      if (kept.length <= limit) return
      kept = kept.filter((_, index) => index % 2 === 0)
      stride *= 2
    },
    get orderIds(): readonly string[] {
      return kept
    },
  }
}
